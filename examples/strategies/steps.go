package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/pass"
)

// do is one thing that may fail.
func (c *company) do(f func() error) {
	if c.err != nil {
		return
	}
	if err := f(); err != nil {
		c.err = fmt.Errorf("%s: %w", c.today.Format(time.DateOnly), err)
	}
}

func (c *company) printf(format string, args ...any) {
	if c.err == nil {
		_, _ = fmt.Fprintf(c.out, format, args...)
	}
}

// strategy begins a timeline.
func (c *company) strategy(title, text string) { c.printf("%s\n%s\n\n", title, text) }

// day turns the calendar to so many days after the switch, or before it.
func (c *company) day(n int, text string) {
	c.today = c.first.AddDate(0, 0, n)
	c.printf("  %s  day %+3d  %s\n", c.today.Format("Mon 02 Jan"), n, text)
}

func (c *company) note(format string, args ...any) {
	c.printf("                       %s\n", fmt.Sprintf(format, args...))
}

// run runs a pass for each of some people, and compares the sum of what became of the items with
// what was foretold.
func (c *company) run(people []*person, o pass.Options, want pass.Counts) {
	c.do(func() error {
		outcomes, err := c.engine.RunAll(c.ctx, 2, jobs(people, o, false))
		if err != nil {
			return err
		}
		got := total(outcomes)
		c.note("%s for %s: %s", outcomes[0].Report.Kind, names(people), describe(got))
		if w := outcomes[0].Report.Window; w != nil {
			c.note("that of %s took %v", outcomes[0].ID, w)
		}
		got.Bytes = 0 // not foretold
		if got != want {
			return fmt.Errorf("foretold %+v, came %+v", want, got)
		}
		return nil
	})
}

// plan says whether people are ready for the switch, and if not, why.
func (c *company) plan(people []*person, want bool) {
	c.do(func() error {
		outcomes, err := c.engine.RunAll(c.ctx, 2, jobs(people, pass.Options{}, true))
		if err != nil {
			return err
		}
		for _, o := range outcomes {
			ready, reasons := o.Report.Ready()
			if ready {
				reasons = []string{"ready"}
			}
			c.note("plan for %s: %s", o.ID, strings.Join(reasons, ", "))
			if ready != want {
				return fmt.Errorf("%s: ready is %v", o.ID, ready)
			}
		}
		return nil
	})
}

func total(outcomes []pass.Outcome) (sum pass.Counts) {
	for _, o := range outcomes {
		t := o.Report.Totals
		sum.Listed += t.Listed
		sum.Migrated += t.Migrated
		sum.Already += t.Already
		sum.RemovedAtDestination += t.RemovedAtDestination
		sum.Filtered += t.Filtered
		sum.OutOfWindow += t.OutOfWindow
		sum.Failed += t.Failed
	}
	return sum
}

// describe names what is not zero.
func describe(c pass.Counts) string {
	parts := []string{fmt.Sprintf("%d listed", c.Listed)}
	for _, part := range []struct {
		n    int
		what string
	}{
		{c.Migrated, "migrated"},
		{c.Already, "already there"},
		{c.RemovedAtDestination, "removed by the user"},
		{c.Filtered, "left for later"},
		{c.Failed, "FAILED"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return strings.Join(parts, ", ")
}

func names(people []*person) string {
	var list []string
	for _, p := range people {
		list = append(list, p.name)
	}
	return strings.Join(list, ", ")
}
