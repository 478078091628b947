package imapendpoint

import "testing"

// TestFlagSetsAreShared looks that lists of system flags are known to all connections of a mailbox, and lists
// with keywords to the one that asked.
func TestFlagSetsAreShared(t *testing.T) {
	common := newFlagSets(nil)
	one, other := newFlagSets(common), newFlagSets(common)
	for _, tt := range []struct {
		flags  []string
		shared bool
	}{
		{nil, true},
		{[]string{`\Seen`, `\answered`}, true},
		{[]string{"$Forwarded"}, false},
		{[]string{`\Seen`, "$Forwarded"}, false},
	} {
		m := &appendMessage{flags: tt.flags}
		if one.has(m.flagList()) || other.has(m.flagList()) {
			t.Errorf("%q is known before", tt.flags)
		}
		one.add(m)
		if !one.has(m.flagList()) || other.has(m.flagList()) != tt.shared {
			t.Errorf("%q: known %v, to the other connection %v, want true and %v",
				tt.flags, one.has(m.flagList()), other.has(m.flagList()), tt.shared)
		}
	}
}

// A server may take no end of lists of keywords.
func TestFlagSetsAreBounded(t *testing.T) {
	f := newFlagSets(nil)
	for n := range 2 * maxFlagSets {
		f.add(&appendMessage{flags: []string{"k" + refOf(uint32(n))}})
	}
	if len(f.took) != maxFlagSets {
		t.Errorf("%d lists are remembered, want %d", len(f.took), maxFlagSets)
	}
}
