package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

func TestSafe(t *testing.T) {
	for text, want := range map[string]string{
		"Größe & 日本":           "Größe & 日本",
		"a\x1b[2Jb":            `a\x1b[2Jb`,
		"line\r\nmailmove: ok": `line\r\nmailmove: ok`,
		"turn\u202eedrat":      `turn\u202eedrat`,
		"bad \xff utf-8":       "bad \uFFFD utf-8",
		`quote " and '`:        `quote " and '`,
	} {
		if got := safe(text); got != want {
			t.Errorf("safe(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 4_460_000: "4.5 MB", 123_400_000: "123 MB", 999_600: "1.0 MB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestLinesShowWhatMatters(t *testing.T) {
	var out bytes.Buffer
	l := lines{&printer{Writer: &out}}
	for _, e := range []pass.Event{
		pass.WindowFixed{Window: pass.Window{Before: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Field: "sent"}},
		pass.Scheduled{At: time.Date(2024, 1, 1, 0, 0, 0, 0, time.Local)},
		pass.PhaseStarted{Phase: pass.Planning},
		pass.Voiding{Marks: 3},
		pass.FolderPlanned{Folder: "A", Items: 3},
		pass.WindowDone{Folder: "A", Items: 3},
		pass.FolderDone{Folder: "A\n", Counts: pass.Counts{Listed: 3, Migrated: 2, Failed: 1, Bytes: 1500}},
		pass.Waiting{Side: store.Destination, For: 2 * time.Second, Code: endpoint.Throttled},
	} {
		l.observe(e)
	}
	want := strings.Join([]string{
		"only items sent before 2024-01-01T00:00:00Z",
		"waiting until 2024-01-01 00:00:00",
		"listing the source",
		"the types of the endpoints changed: 3 items are migrated again",
		`A\n: 2 migrated, 1 FAILED, 1.5 kB`,
		"waiting 2s for the destination: throttled",
		"",
	}, "\n")
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestFailureText(t *testing.T) {
	f := pass.Failure{Folder: "A", ID: "7", Code: "too-large", Reason: "item has \x1b bytes"}
	if got, want := failureText(f), `A, item 7: too-large: item has \x1b bytes`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	f = pass.Failure{Folder: "B", Code: "denied", Reason: "read-only"}
	if got, want := failureText(f), "B, the whole folder: denied: read-only"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestReportShowsSomeOfEach has more conflicts than are shown, and names that others chose.
func TestReportShowsSomeOfEach(t *testing.T) {
	r := pass.Report{
		Complete: true,
		Verified: &pass.Verified{
			Checked: 1, Altered: 1,
			Findings: []pass.Finding{{Folder: "A\n", ID: "7", What: "altered", Differs: []string{"size", "date"}}},
		},
	}
	for range 22 {
		r.Conflicts = append(r.Conflicts, pass.Conflict{Folder: "B\x1b", ID: "8", Reason: "changed"})
	}
	var out bytes.Buffer
	newProgram(nil, &out, nil).printReport(settings{}, &r)
	if n := strings.Count(out.String(), `  conflict: B\x1b, item 8: changed`+"\n"); n != 20 {
		t.Errorf("%d conflicts", n)
	}
	for _, want := range []string{"  and 2 more conflicts; -json lists them all\n", `  altered: A\n, item 7: size, date` + "\n", "1 altered (0 in flags only)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestMeter(t *testing.T) {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &meter{whole: amount{100, 10_000}}
	m.start(start)
	if got := m.text(start.Add(time.Second)); got != "0/100  0 B" {
		t.Errorf("before the first item: %q", got)
	}
	m.add(amount{25, 2_500})
	if got := m.text(start.Add(5 * time.Second)); got != "25/100  2.5 kB  500 B/s  15s left" {
		t.Errorf("after a quarter: %q", got)
	}
	// Beyond the estimate of the bytes, the items tell.
	m.add(amount{25, 9_500})
	if got := m.text(start.Add(10 * time.Second)); got != "50/100  12.0 kB  1.2 kB/s  10s left" {
		t.Errorf("after half: %q", got)
	}
}

func TestBarsEnd(t *testing.T) {
	var out bytes.Buffer
	b := newBars(&out, mpb.WithAutoRefresh())
	b.observe(pass.FolderPlanned{Folder: "A", Items: 100, Bytes: 1000})
	b.observe(pass.FolderPlanned{Folder: "B", Items: 10, Bytes: 100})
	b.observe(pass.PhaseStarted{Phase: pass.Transferring})
	b.observe(pass.WindowDone{Folder: "A", Items: 64, Bytes: 640})
	b.observe(pass.WindowDone{Folder: "B", Items: 10, Bytes: 100})
	b.observe(pass.FolderDone{Folder: "B", Counts: pass.Counts{Listed: 10, Migrated: 10, Bytes: 100}})
	b.close() // with A unfinished, as after an interruption; it returns only if all bars have ended
	for _, want := range []string{"transferring", "B: 10 migrated, 100 B"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
}
