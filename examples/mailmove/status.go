package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

// pairStatus is what status tells of one pair.
type pairStatus struct {
	Pair        string         `json:"pair"`
	Source      string         `json:"source"`      // type of endpoint
	Destination string         `json:"destination"` // type of endpoint
	Generation  uint32         `json:"generation"`
	Records     map[string]int `json:"records"` // by status; "void" are those of older types or generations
	Passes      []passStatus   `json:"passes"`  // oldest first
}

// passStatus is a line of the history of a pair.
type passStatus struct {
	Number   uint64    `json:"number"`
	Kind     string    `json:"kind"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Complete bool      `json:"complete"`
}

// status shows what is known of one pair, or of all.
func (p program) status(ctx context.Context, s settings) int {
	list, err := runStatus(ctx, s)
	if err != nil {
		p.printError(err)
		return errorStatus(err)
	}
	p.printStatus(s, list)
	return complete
}

func runStatus(ctx context.Context, s settings) (list []pairStatus, err error) {
	db, _, err := openExisting(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	pairs, err := knownPairs(ctx, db, s.pair)
	if err != nil {
		return nil, err
	}
	list = []pairStatus{}
	for _, pair := range pairs {
		one, err := statusOf(ctx, db, pair)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func statusOf(ctx context.Context, db store.Store, pair store.Pair) (pairStatus, error) {
	one := pairStatus{
		Pair: pair.ID, Generation: pair.Meta.Generation, Records: map[string]int{}, Passes: []passStatus{},
	}
	for pass, err := range db.History(ctx, pair.ID) {
		if err != nil {
			return one, err
		}
		one.Passes = append(one.Passes, passStatus{pass.Number, pass.Kind, pass.Started, pass.Finished, pass.Complete})
	}
	ledger, err := db.Open(ctx, pair.ID)
	if err != nil {
		return one, err
	}
	one.count(pair.Meta, ledger.Stats())
	return one, ledger.Close()
}

// count enters the records. Before the first complete pass, only they know the types.
func (one *pairStatus) count(meta store.Meta, stats []store.Stat) {
	types := meta.Types
	if types.Source == "" && len(stats) > 0 {
		types = stats[0].Types
	}
	one.Source, one.Destination = types.Source, types.Destination
	for _, stat := range stats {
		name := stat.Status.String()
		if stat.Types != types || stat.Generation != meta.Generation {
			name = "void"
		}
		one.Records[name] += stat.Records
	}
}

func (p program) printStatus(s settings, list []pairStatus) {
	if s.json {
		p.printJSON(list)
		return
	}
	for _, one := range list {
		p.stdout.printf("pair %s: %s to %s, generation %d\n", safe(one.Pair),
			orNone(one.Source), orNone(one.Destination), one.Generation)
		for _, name := range slices.Sorted(maps.Keys(one.Records)) {
			p.stdout.printf("  %d %s\n", one.Records[name], name)
		}
		p.printPasses(one.Passes)
	}
	if len(list) == 0 {
		p.stdout.printf("no pair was migrated yet\n")
	}
}

// shownPasses is how many passes of a pair are printed for people.
const shownPasses = 10

func (p program) printPasses(passes []passStatus) {
	for _, pass := range passes[max(0, len(passes)-shownPasses):] {
		verdict := "complete"
		if !pass.Complete {
			verdict = "not complete"
		}
		p.stdout.printf("  pass %d, %s, %s, took %v: %s\n", pass.Number, safe(pass.Kind),
			pass.Started.Local().Format(time.DateTime), pass.Finished.Sub(pass.Started).Round(time.Second), verdict)
	}
}

func orNone(text string) string {
	if text == "" {
		return "nothing yet"
	}
	return text
}
