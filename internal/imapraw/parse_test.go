package imapraw

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	atom := func(s string) Value { return Value{Text: s} }
	tests := []struct {
		text string
		want []Value
	}{
		{`* LIST (\A \B) "\"" {5}` + "\r\n" + `a "(b`, []Value{atom("LIST"), {List: []Value{atom(`\A`), atom(`\B`)}}, atom(`"`), atom(`a "(b`)}},
		{`* 1 FETCH (BODY[HEADER.FIELDS (A B)] NIL)`, []Value{atom("1"), atom("FETCH"), {List: []Value{atom("BODY[HEADER.FIELDS (A B)]"), atom("NIL")}}}},
		{`* SEARCH`, []Value{atom("SEARCH")}},
		{`* X () {0}` + "\r\n", []Value{atom("X"), {List: []Value{}}, {}}},
		{`* OK [X (] "unbalanced`, nil},
	}
	for _, test := range tests {
		var literals []int
		if _, literal, ok := strings.Cut(test.text, "}\r\n"); ok {
			literals = []int{len(test.text) - len(literal)}
		}
		got, err := parse(test.text+"\r\n", literals)
		if err != nil || !reflect.DeepEqual(got.Values, test.want) {
			t.Errorf("parse(%q) = %q, %v, want %q", test.text, got.Values, err, test.want)
		}
	}
	for _, text := range []string{"* X (", "* X )", `* X "`, "* X {1}"} {
		if r, err := parse(text+"\r\n", nil); err == nil {
			t.Errorf("parse(%q) = %v without an error", text, r)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // from RFC 3501 section 5.1.3 and RFC 2152
		"~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		"Hi Mom ☺!":          "Hi Mom &Jjo-!",
		"R&D":                "R&-D",
		"💌":                  "&2D3cjA-",
		"":                   "",
	}
	for name, want := range tests {
		encoded := encodeName(name)
		if encoded != want {
			t.Errorf("encodeName(%q) = %q, want %q", name, encoded, want)
		}
		if back, err := decodeName(encoded); err != nil || back != name {
			t.Errorf("decodeName(%q) = %q, %v, want %q", encoded, back, err, name)
		}
	}
	for _, name := range []string{"&", "&Jjo", "&J-", "&2D0-", "&*-"} {
		if got, err := decodeName(name); err == nil {
			t.Errorf("decodeName(%q) = %q without an error", name, got)
		}
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"* OK [UIDVALIDITY 7] valid": "UIDVALIDITY 7",
		"a NO [OVERQUOTA] full":      "OVERQUOTA",
		"a OK done [really]":         "",
		"a OK":                       "",
	}
	for text, want := range tests {
		if r, err := parse(text+"\r\n", nil); err != nil || r.Code() != want {
			t.Errorf("code of %q is %q, %v, want %q", text, r.Code(), err, want)
		}
	}
}
