package main

import (
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	w.deliver("INBOX", "later")
	w.userDeletes("Lists/go-dev", "Hello")
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"-message-id", "one@mail.example"}, []string{"source: INBOX, item 1\n", "destination: INBOX, item 1\n", "settled: It was migrated by pass 1"}},
		{[]string{"-message-id", "<later@mail.example>"}, []string{"source: INBOX, item 2\n", "the next pass takes it"}},
		{[]string{"-source", "Lists/go-dev", "-ref", "1"}, []string{"its user removed it"}},
		{[]string{"-destination", "Lists/go-dev/Old", "-ref", "1"}, []string{"source: Lists/go-dev/Old, item 1\n"}},
	} {
		stdout, stderr := w.expect(complete, append([]string{"explain"}, test.args...)...)
		for _, want := range test.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: no %q in:\n%s", test.args, want, stdout)
			}
		}
		if strings.Contains(stdout+stderr, "mail.example") {
			t.Errorf("%q: a Message-ID in:\n%s%s", test.args, stdout, stderr)
		}
	}
}

func TestExplainInJSON(t *testing.T) {
	w := newWorld(t)
	w.expect(refused, "explain", "-message-id", "one@mail.example") // there is no database
	w.expect(complete, "run")
	var document explainDocument
	stdout, _ := w.expect(complete, "explain", "-message-id", "one@mail.example", "-json")
	decodeOnly(t, stdout, &document)
	if document.Pair == "" || len(document.Items) != 1 || document.Items[0].Status != "settled" || len(document.Items[0].Destination) != 1 {
		t.Errorf("%s", stdout)
	}
	stdout, _ = w.expect(failures, "explain", "-source", "INBOX", "-ref", "99", "-json")
	decodeOnly(t, stdout, &document)
	if !strings.Contains(stdout, `"items": []`) {
		t.Errorf("no answer: %s", stdout)
	}
	if stdout, _ := w.expect(failures, "explain", "-message-id", "nobody@mail.example"); !strings.Contains(stdout, "know such an item") {
		t.Errorf("no answer: %s", stdout)
	}
}
