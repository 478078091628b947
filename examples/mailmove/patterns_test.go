package main

import (
	"slices"
	"strings"
	"testing"
)

func TestPatternMatches(t *testing.T) {
	for _, test := range []struct {
		pattern string
		matches string // paths, separated by spaces
		not     string
	}{
		{"INBOX", "INBOX INBOX/Old INBOX/Old/er", "inbox INBOX2 Old/INBOX"},
		{"Lists/go-*", "Lists/go-dev Lists/go- Lists/go-dev/2024", "Lists Lists/golang Lists/x/go-dev"},
		{"*", "A A/B", ""},
		{"A/*", "A/B A/B/C", "A B/A"},
		{"A/*/C", "A/B/C A/B/C/D", "A/C A/B/B/C"},
		{"**/Receipts", "Receipts A/Receipts A/B/Receipts A/Receipts/B", "A/Receipts2 A"},
		{"A/**", "A A/B", "B"},
		{"A/**/Z", "A/Z A/B/Z A/B/C/Z", "A A/B"},
		{"a*b*c", "abc axbxc aabbcc abcbc", "ab acb ac"},
		{"*dev*", "dev godev devgo", "de"},
		{"[x]?", "[x]?", "x"},
		{`Größe\n`, `Größe\n`, "Größe"},
	} {
		p, err := parsePattern(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for path := range strings.FieldsSeq(test.matches) {
			if !p.matches(strings.Split(path, "/")) {
				t.Errorf("%q does not match %q", test.pattern, path)
			}
		}
		for path := range strings.FieldsSeq(test.not) {
			if p.matches(strings.Split(path, "/")) {
				t.Errorf("%q matches %q", test.pattern, path)
			}
		}
	}
}

// TestPatternSeesComponents has a name with a slash in it, as servers with another separator know.
func TestPatternSeesComponents(t *testing.T) {
	p, err := parsePattern("A/B")
	if err != nil {
		t.Fatal(err)
	}
	if p.matches([]string{"A/B"}) {
		t.Error("a slash within a component counts as a separator")
	}
}

func TestPatternRefuses(t *testing.T) {
	for _, text := range []string{"", "/", "/A", "A/", "A//B", "a**", "**b/c"} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("parsePattern(%q) has no error", text)
		}
	}
}

func TestSelection(t *testing.T) {
	list := func(texts ...string) (patterns []*pattern) {
		for _, text := range texts {
			p, err := parsePattern(text)
			if err != nil {
				t.Fatal(err)
			}
			patterns = append(patterns, p)
		}
		return patterns
	}
	folders := []string{"INBOX", "A", "A/B", "A/B/C", "D"}
	for _, test := range []struct {
		selection selection
		want      []string
		warnings  int
	}{
		{selection{}, folders, 0},
		{selection{include: list("A")}, []string{"A", "A/B", "A/B/C"}, 0},
		{selection{include: list("A", "INBOX"), exclude: list("A/B")}, []string{"INBOX", "A"}, 0},
		{selection{exclude: list("A", "X")}, []string{"INBOX", "D"}, 1},
		{selection{include: list("X", "Y"), exclude: list("D")}, nil, 2},
	} {
		var got []string
		for _, f := range folders {
			if test.selection.selects(strings.Split(f, "/")) {
				got = append(got, f)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v selects %q, want %q", test.selection, got, test.want)
		}
		if warnings := test.selection.unused(); len(warnings) != test.warnings {
			t.Errorf("warnings = %q, want %d", warnings, test.warnings)
		}
	}
}
