package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
)

// TestStory tells the story, which checks itself.
func TestStory(t *testing.T) {
	var out bytes.Buffer
	s := newStory(t.Context(), &out)
	s.tell()
	s.close()
	if s.err != nil || !strings.Contains(out.String(), "\n7. ") {
		t.Errorf("%v after:\n%s", s.err, out.String())
	}
}

// TestStoryNoticesWhatIsWrong foretells one message too many.
func TestStoryNoticesWhatIsWrong(t *testing.T) {
	var out bytes.Buffer
	s := newStory(t.Context(), &out)
	s.deliver(oldMailbox()...)
	s.connect()
	n := len(oldMailbox()) + 1
	s.run(pass.Counts{Listed: n, Migrated: n})
	noticed := s.err != nil
	s.close()
	if !noticed {
		t.Errorf("no error after:\n%s", out.String())
	}
}
