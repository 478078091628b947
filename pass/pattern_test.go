package pass_test

import (
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
)

func TestPatternMatches(t *testing.T) {
	for _, test := range []struct {
		pattern pass.Pattern
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
		if err := test.pattern.Validate(); err != nil {
			t.Errorf("%q: %v", test.pattern, err)
		}
		for path := range strings.FieldsSeq(test.matches) {
			if !test.pattern.Matches(strings.Split(path, "/")) {
				t.Errorf("%q does not match %q", test.pattern, path)
			}
		}
		for path := range strings.FieldsSeq(test.not) {
			if test.pattern.Matches(strings.Split(path, "/")) {
				t.Errorf("%q matches %q", test.pattern, path)
			}
		}
	}
}

// TestPatternSeesComponents has a name with a slash in it, as servers with another separator know.
func TestPatternSeesComponents(t *testing.T) {
	if pass.Pattern("A/B").Matches([]string{"A/B"}) {
		t.Error("a slash within a component counts as a separator")
	}
}

func TestPatternRefuses(t *testing.T) {
	for _, pattern := range []pass.Pattern{"", "/", "/A", "A/", "A//B", "a**", "**b/c"} {
		if pattern.Validate() == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
}
