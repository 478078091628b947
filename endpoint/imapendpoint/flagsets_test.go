package imapendpoint

import "testing"

// TestFlagSetsAreShared looks that flags of the system are known to all connections of a mailbox, each once it was
// taken in any list, and keywords to the connection and in the list in which they were.
func TestFlagSetsAreShared(t *testing.T) {
	mailbox := newSystemFlags()
	one, other := newFlagSets(mailbox), newFlagSets(mailbox)
	knows := func(f *flagSets, flags ...string) bool { return f.has(&appendMessage{flags: flags}) }
	takes := func(f *flagSets, flags ...string) { f.add(&appendMessage{flags: flags}) }
	if knows(one) || knows(other) {
		t.Error("no message was taken yet")
	}
	takes(one)
	if !knows(one) || !knows(other) || knows(one, `\Seen`) {
		t.Error("a message without flags was taken, and nothing else")
	}
	takes(one, `\Seen`, `\answered`)
	takes(other, `\Flagged`)
	for _, f := range []*flagSets{one, other} {
		if !knows(f, `\Answered`, `\Seen`) || !knows(f, `\Flagged`, `\Seen`) || knows(f, `\Seen`, `\Draft`) {
			t.Error("three flags of the system were taken")
		}
	}
	takes(one, `\Seen`, "$Forwarded")
	if !knows(one, `\Seen`, "$Forwarded") || knows(one, "$Forwarded") || knows(other, `\Seen`, "$Forwarded") {
		t.Error("one list with a keyword was taken, on one connection")
	}
	takes(one, "$Forwarded", `\Deleted`)
	if knows(one, `\Deleted`) {
		t.Error("what is taken beside a keyword says nothing of it alone")
	}
}

// A session does not remember lists without end.
func TestFlagSetsAreBounded(t *testing.T) {
	f := newFlagSets(newSystemFlags())
	for n := range 2 * maxFlagSets {
		f.add(&appendMessage{flags: []string{"k" + refOf(uint32(n))}})
	}
	if len(f.took) != maxFlagSets {
		t.Errorf("%d lists are remembered, want %d", len(f.took), maxFlagSets)
	}
}
