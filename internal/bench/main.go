// Command bench measures mailmove, mbsync and raw sockets side by side, on one machine with one server of
// its own. It checks every copy byte for byte, and prints a table of what was measured against what is to
// be reached.
//
//	go run ./internal/bench -mailmove PROGRAM [-rows NAME,…] [-quick] [-write] [-profile DIR]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what the arguments say.
type settings struct {
	mailmove string // the program; empty runs passes in this process
	dir      string // for servers and databases; empty is in memory where that is possible
	rows     string // names of groups with commas; empty means all
	profile  string // directory for profiles, which are made instead of the table
	docs     string // directory of the document that the table is written to; empty prints it only
	scale    scale
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if text := os.Getenv(orderVariable); text != "" {
		out, err := obey(ctx, text)
		return errors.Join(err, json.NewEncoder(stdout).Encode(out))
	}
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	return bench(ctx, c, stdout, stderr)
}

func parse(args []string, stderr io.Writer) (settings, error) {
	c := settings{scale: fullScale()}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&c.mailmove, "mailmove", "", "`program` to measure; without it, passes run in this process")
	f.StringVar(&c.dir, "dir", "", "`directory` for servers and databases; in memory by default, where that is possible")
	f.StringVar(&c.rows, "rows", "", "measure only these `groups`: "+strings.Join(groupNames(), ", "))
	f.StringVar(&c.profile, "profile", "", "instead of measuring, write CPU and memory profiles to this `directory`")
	f.StringVar(&c.docs, "docs", "", "write table and plot to performance.md in this `directory`")
	quick := f.Bool("quick", false, "measure everything once, and small")
	runs := f.Int("runs", 0, "`number` of runs of each contender")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if *quick {
		c.scale = quickScale()
	}
	if *runs > 0 {
		c.scale.runs = *runs
	}
	return c, nil
}

// bench measures what is asked for. What was measured before something failed is printed nevertheless.
func bench(ctx context.Context, c settings, stdout, log io.Writer) (err error) {
	if _, err := haveMbsync(ctx); err != nil {
		return err
	}
	wanted, err := choose(c.rows)
	if err != nil {
		return err
	}
	w, err := newWorld(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if c.profile != "" {
		return w.profiles(ctx, c.profile, wanted)
	}
	var all findings
	before := stolenSoFar()
	for _, g := range wanted {
		found, err := g.measure(w, ctx)
		if err != nil {
			all.failed = append(all.failed, fmt.Errorf("%s: %w", g.name, err))
			w.say("%s: %v\nThe server logged:\n%s", g.name, err, lastLines(w.server.Log(), 30))
			continue
		}
		all.rows = append(all.rows, found.rows...)
		all.plot = append(all.plot, found.plot...)
	}
	text := all.markdown(w.machine(ctx) + stolenSince(before))
	_, err = io.WriteString(stdout, text)
	if c.docs != "" && len(all.failed) == 0 {
		err = errors.Join(err, publish(c.docs, text, all.plot))
	}
	return errors.Join(append(all.failed, err)...)
}

// lastLines returns the end of a text.
func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
