package imapendpoint

import "sync"

// maxFlagSets bounds how many lists of flags a session remembers; the rest keeps asking.
const maxFlagSets = 1000

// flagSets are the lists of flags that a server took in an APPEND. It is safe for concurrent use. A nil one
// is empty.
//
// What one connection learnt of keywords is no matter of another one, which may lead to another server. Lists
// of the system flags are, for no server may refuse those (RFC 9051 section 2.3.2): whether this one keeps to
// that is asked once for each list and mailbox.
type flagSets struct {
	common *flagSets // those of all sessions of a mailbox, or nil

	mu   sync.Mutex
	took map[string]bool
}

func newFlagSets(common *flagSets) *flagSets {
	return &flagSets{common: common, took: map[string]bool{}}
}

// has reports whether the server took a list.
func (f *flagSets) has(list string) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	took := f.took[list]
	f.mu.Unlock()
	return took || f.common.has(list)
}

// add notes that the server took the flags of a message.
func (f *flagSets) add(m *appendMessage) {
	if f.common != nil && m.systemFlags() {
		f = f.common
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.took) < maxFlagSets {
		f.took[m.flagList()] = true
	}
}
