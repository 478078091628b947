package imapendpoint

import (
	"fmt"
	"testing"
)

func TestParseValues(t *testing.T) {
	for line, want := range map[string]string{
		`(\A \B) "/" name`:           `[[\A \B] / name]`,
		`() NIL "a \"b\" \\"`:        `[[] NIL a "b" \]`,
		"x {3}\r\na\r\n y":           "[x a\r\n y]",
		`  a   (b  ( c ) ) `:         `[a [b [c]]]`,
		``:                           `[]`,
		`(a`:                         `error`,
		`a)`:                         `error`,
		`"a`:                         `error`,
		`{4}` + "\r\nabc":            `error`,
		`{99999999999}` + "\r\nabc":  `error`,
		`((((((((((((((((((((((((((`: `error`,
	} {
		values, err := parseValues([]byte(line))
		got := fmt.Sprint(texts(values))
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is read as %s, want %s", line, got, want)
		}
	}
}

func texts(values []value) []any {
	out := []any{}
	for _, v := range values {
		if v.isList {
			out = append(out, texts(v.list))
		} else {
			out = append(out, v.word)
		}
	}
	return out
}

// FuzzResponses asserts that no response breaks the code that reads it, nor makes it hold more
// than it was sent.
func FuzzResponses(f *testing.F) {
	for _, line := range []string{
		`* LIST (\HasNoChildren) "/" "a b"`, "* LIST () NIL {3}\r\na\r\n", "* LSUB () \".\" x", `* STATUS x (MESSAGES 1 UIDNEXT 2)`,
		"* SEARCH 1 2 3 (MODSEQ 4)", `* ESEARCH (TAG "x") UID ALL 1:3,5`, `* QUOTA "" (STORAGE 1 2)`, `* NAMESPACE (("" "/")) NIL NIL`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var l listing
		l.untagged(line)
		l.ensureInbox()
		_, rest := cutResponse(line)
		values, _ := parseValues(rest)
		for _, folder := range l.folders(newNamespace(values)) {
			if folder.ID == "" || len(folder.Path) == 0 {
				t.Errorf("%q makes a folder %+v", line, folder)
			}
			for _, component := range folder.Path {
				if component == "" {
					t.Errorf("%q makes a folder %+v", line, folder)
				}
			}
		}
		c := uidCollector{limit: 1000}
		c.untagged(line)
		if len(c.uids) > 1000 {
			t.Errorf("%q makes %d UIDs", line, len(c.uids))
		}
		var q quotaAnswer
		q.untagged(line)
	})
}
