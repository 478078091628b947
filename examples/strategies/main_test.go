package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
)

var update = flag.Bool("update", false, "write testdata/timeline.txt anew") //nolint:gochecknoglobals // a flag of the test

// TestTimeline tells all strategies, which check themselves, and compares what they print. Run with
// -update to accept a change.
func TestTimeline(t *testing.T) {
	var out bytes.Buffer
	if err := tell(t.Context(), &out); err != nil {
		t.Fatalf("%v after:\n%s", err, out.String())
	}
	golden := filepath.Join("testdata", "timeline.txt")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the timeline is another than %s:\n%s", golden, out.String())
	}
}

// TestStepsNoticeWhatIsWrong has every kind of step go otherwise than foretold.
func TestStepsNoticeWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name string
		want string
		step func(c *company, people []*person)
	}{
		{"counts", "foretold", func(c *company, people []*person) { c.run(people, pass.Options{}, pass.Counts{Listed: 3}) }},
		{"not ready", "ready is false", func(c *company, people []*person) { c.mail("news", people[0]); c.plan(people, true) }},
		{"ready", "ready is true", func(c *company, people []*person) { c.plan(people, false) }},
		{"options", "invalid options", func(c *company, people []*person) { c.run(people, pass.Options{Window: -1}, pass.Counts{}) }},
		{"left behind", "misses 1 items", func(c *company, people []*person) { c.mail("news", people[0]); c.complete() }},
		{"moved twice", "2 copies", func(c *company, people []*person) {
			p := people[0]
			c.do(func() error {
				_, err := p.fresh.Copy(inbox(), p.fresh.Messages(inbox()...)[0].Ref, inbox())
				return err
			})
			c.complete()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			company := newCompany(t.Context(), io.Discard)
			people := company.hire([]int{3, 2, 1}, "ann")
			company.run(people, pass.Options{}, pass.Counts{Listed: 3, Migrated: 3})
			company.complete()
			if company.err != nil {
				t.Fatal(company.err)
			}
			c.step(company, people)
			if company.err == nil || !strings.Contains(company.err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", company.err, c.want)
			}
		})
	}
}
