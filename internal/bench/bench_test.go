package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/dovecot"
)

// TestMain makes the test program also the process to which orders are given.
func TestMain(m *testing.M) {
	if text := os.Getenv(orderVariable); text != "" {
		out, err := obey(context.Background(), text)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(out)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestBench measures everything in the smallest way there is, which takes seconds, and proves that every
// copy is complete. It says nothing about speed.
func TestBench(t *testing.T) {
	t.Parallel()
	dovecot.Require(t)
	if _, err := haveMbsync(t.Context()); err != nil {
		t.Skipf("REAL-SERVER TEST SKIPPED: %s: %v", t.Name(), err)
	}
	var table, log strings.Builder
	if err := bench(t.Context(), settings{scale: tinyScale()}, &table, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if rows := strings.Count(table.String(), "\n| "); rows != 2+19 { // with the head of the table
		t.Errorf("%d lines in\n%s", rows, table.String())
	}
	for _, never := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(table.String(), never) {
			t.Errorf("%s in\n%s", never, table.String())
		}
	}
}

// TestWrongCopyIsFound proves that the comparison of copies can fail.
func TestWrongCopyIsFound(t *testing.T) {
	t.Parallel()
	want := contents{"INBOX": {"[] date 01", "[] date 02"}, "Sent": {"[] date 03"}}
	if err := want.compare(contents{"INBOX": {"[] date 01", "[] date 02"}, "Sent": {"[] date 03"}}); err != nil {
		t.Errorf("an equal copy: %v", err)
	}
	for name, have := range map[string]contents{
		"lost":       {"INBOX": {"[] date 01"}, "Sent": {"[] date 03"}},
		"twice":      {"INBOX": {"[] date 01", "[] date 01", "[] date 02"}, "Sent": {"[] date 03"}},
		"altered":    {"INBOX": {"[] date 01", "[] date 99"}, "Sent": {"[] date 03"}},
		"other flag": {"INBOX": {`[\Seen] date 01`, "[] date 02"}, "Sent": {"[] date 03"}},
		"folder":     {"INBOX": {"[] date 01", "[] date 02"}},
		"added":      {"INBOX": {"[] date 01", "[] date 02"}, "Sent": {"[] date 03"}, "Extra": {"[] date 04"}},
	} {
		if want.compare(have) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// TestMarkIsTheOnlyDifference proves that a digest leaves out the line of the mark, and nothing else.
func TestMarkIsTheOnlyDifference(t *testing.T) {
	t.Parallel()
	plain, err := unmarked([]byte("A: 1\r\nB: 2\r\n\r\nX: body\r\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	for text, equal := range map[string]bool{
		"X: mark\r\nA: 1\r\nB: 2\r\n\r\nX: body\r\n":   true,
		"A: 1\r\nX: mark\r\nB: 2\r\n\r\nX: body\r\n":   true,
		"X: mark\r\nA: 1\r\nB: 2\r\n\r\nX: bodY\r\n":   false,
		"X: mark\r\nA: 1\r\nB: 2\r\n\r\nX: body\r\n\n": false,
	} {
		if sum, err := unmarked([]byte(text), "X"); err != nil || (string(sum) == string(plain)) != equal {
			t.Errorf("%q: equal %v, %v", text, !equal, err)
		}
	}
	if _, err := unmarked([]byte("A: 1\r\nB: 2\r\n\r\nX: body\r\n"), "X"); err == nil {
		t.Error("a message without mark was taken for one with")
	}
}

// TestCorpusIsTheSameEachTime proves that a corpus is what its mix says.
func TestCorpusIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	m := mix{seed: 9, messages: 400, bytes: 6_000_000, median: 4_000, folders: 7}
	var sum, below int64
	folders := map[string]int{}
	texts := map[int]string{}
	for msg := range m.all() {
		size := int64(len(msg.text))
		sum += size
		if size <= m.median+fillerLine {
			below++
		}
		folders[msg.folder]++
		texts[msg.number] = string(msg.text)
	}
	for msg := range m.part(100, 20) {
		if texts[msg.number] != string(msg.text) {
			t.Errorf("message %d is another", msg.number)
		}
	}
	if off := float64(sum-m.bytes) / float64(m.bytes); off < -0.1 || off > 0.1 || below < 150 || below > 250 || len(folders) != 7 {
		t.Errorf("%d bytes, %d messages below the median, folders %v", sum, below, folders)
	}
}

// TestCommandsAreCounted counts commands with literals that arrive in pieces.
func TestCommandsAreCounted(t *testing.T) {
	t.Parallel()
	const sent = "a1 LOGIN {3}\r\nann {6+}\r\nse\r\nre\r\na2 NOOP\r\na3 APPEND x {4+}\r\nab\r\n {2+}\r\ncd\r\na4 LOGOUT\r\n"
	for size := 1; size <= len(sent); size++ {
		var c counter
		watch := c.watch()
		for text := sent; text != ""; {
			n := min(size, len(text))
			watch([]byte(text[:n]))
			text = text[n:]
		}
		if c.number() != 4 {
			t.Errorf("in pieces of %d bytes: %d commands, want 4", size, c.number())
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row  row
		want string
	}{
		{row{value: 1.4, least: atLeast(1.5), moonshot: atLeast(2)}, "**no**"},
		{row{value: 1.5, least: atLeast(1.5), moonshot: atLeast(2)}, "yes"},
		{row{value: 2.1, least: atLeast(1.5), moonshot: atLeast(2)}, "moonshot"},
		{row{value: 13, least: atMost(12), moonshot: atMost(8)}, "**no**"},
		{row{value: 12, least: atMost(12), moonshot: atMost(8)}, "yes"},
		{row{value: 8, least: atMost(12), moonshot: atMost(8)}, "moonshot"},
		{row{value: 1, least: atMost(12)}, "yes"},
	} {
		if got := c.row.verdict(); got != c.want {
			t.Errorf("%v: %s, want %s", c.row, got, c.want)
		}
	}
}

func TestMedians(t *testing.T) {
	t.Parallel()
	if odd := (times{5, 1, 3}).median(); odd != 3 {
		t.Errorf("median %v", odd)
	}
	if even := (memories{8, 2, 4, 6}).median(); even != 5 {
		t.Errorf("median %v", even)
	}
}

func TestTableReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	document := "before\n" + tableBegin + "old\n" + tableEnd + "after\n"
	once, err := replaceTable(document, "new")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := replaceTable(once, "new")
	if want := "before\n" + tableBegin + "\nnew\n\n" + tableEnd + "after\n"; err != nil || once != want || twice != want {
		t.Errorf("%q, then %q, %v", once, twice, err)
	}
	if _, err := replaceTable("no marks", "new"); err == nil {
		t.Error("a document without marks was taken")
	}
}

func TestPlotShowsAllPoints(t *testing.T) {
	t.Parallel()
	ms := func(n int) times { return times{time.Duration(n) * time.Millisecond} }
	svg := drawDelta([]point{{100_000, ms(300), ms(190)}, {10_000, ms(100), ms(40)}})
	for _, want := range []string{"mailmove</text>", "mbsync</text>", "10,000</text>", "100,000</text>", "messages in the mailbox", "time of a pass in ms"} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if n := strings.Count(svg, "<circle"); n != 4 {
		t.Errorf("%d points", n)
	}
}
