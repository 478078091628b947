package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"
)

// profiles writes a CPU profile and one of allocations for each case that was asked for. The passes run
// in this process; the server, and what is made for them before, is no part of the profile.
func (w *world) profiles(ctx context.Context, dir string, wanted []group) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cases := map[string]func(context.Context) (func(context.Context) error, error){
		"full": func(ctx context.Context) (func(context.Context) error, error) {
			return w.profileFull(ctx, w.size.mixedCase())
		},
		"full-small": func(ctx context.Context) (func(context.Context) error, error) {
			return w.profileFull(ctx, w.size.smallCase())
		},
		"full-distant": func(ctx context.Context) (func(context.Context) error, error) {
			return w.profileFull(ctx, w.size.distantCase())
		},
		"delta":   w.profileDelta,
		"million": w.profileMillion,
	}
	for _, g := range wanted {
		prepare := cases[g.name]
		if prepare == nil {
			w.say("%s: has no profile", g.name)
			continue
		}
		work, err := prepare(ctx)
		if err == nil {
			err = w.profile(ctx, filepath.Join(dir, g.name), work)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// profile writes the profiles of one piece of work to two files whose names begin with base.
func (w *world) profile(ctx context.Context, base string, work func(context.Context) error) (err error) {
	cpu, err := os.Create(base + ".cpu.pprof")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	began := time.Now()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	err = work(ctx)
	pprof.StopCPUProfile()
	w.say("%s: %s", base, short(time.Since(began)))
	if err != nil {
		return err
	}
	memory, err := os.Create(base + ".allocs.pprof")
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(memory, 0), memory.Close())
}

func (w *world) profileFull(ctx context.Context, c fullCase) (func(context.Context) error, error) {
	user, err := w.source(c.account, c.mix)
	if err != nil {
		return nil, err
	}
	if _, err := look(ctx, w.server.Addr(), user, ""); err != nil { // lets the server build its indexes
		return nil, err
	}
	return func(ctx context.Context) error {
		proxy, err := w.far(ctx, c.roundTrip)
		if err != nil {
			return err
		}
		defer proxy.Close()
		j := job{source: w.server.Addr(), destination: w.server.Addr(), from: user}
		if c.roundTrip > 0 {
			j.source, j.destination = proxy.Addr(), proxy.Addr()
		}
		j.to, j.state = w.fresh(w.dir)
		_, err = w.runLibrary(ctx, j)
		return err
	}, nil
}

// profileDelta prepares passes that find nothing new, which are too short to be seen one by one.
func (w *world) profileDelta(ctx context.Context) (func(context.Context) error, error) {
	user, err := w.source("profiled", w.size.settling(100_000))
	if err != nil {
		return nil, err
	}
	j := job{source: w.server.Addr(), destination: w.server.Addr(), from: user}
	j.to, j.state = w.fresh(w.dir)
	for range 2 {
		if _, err := w.runLibrary(ctx, j); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		for range 20 {
			if _, err := w.runLibrary(ctx, j); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// profileMillion prepares a full pass, a delta and a plan over a folder of very many items.
func (w *world) profileMillion(context.Context) (func(context.Context) error, error) {
	n := w.size.of(1_000_000)
	state := filepath.Join(w.disk, "profiled")
	return func(ctx context.Context) error {
		for _, o := range []order{{Items: n}, {Items: n + n/100, Present: n}, {Items: n, Present: n, Plan: true}} {
			o.State, o.KeyFile = state, w.keyFile
			if o.Plan {
				o.Items, o.Present = n+n/100, n+n/100
			}
			if _, err := execute(ctx, o); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
