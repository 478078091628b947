package imapendpoint

import (
	"slices"
	"sync"
)

// maxFlagSets bounds how many lists of flags a session remembers; the rest keeps asking.
const maxFlagSets = 1000

// flagSets are the lists of flags that a server took in an APPEND on one connection.
type flagSets struct {
	system *systemFlags // of the mailbox
	took   map[string]bool
}

func newFlagSets(system *systemFlags) *flagSets {
	return &flagSets{system: system, took: map[string]bool{}}
}

// has reports whether the server takes the flags of a message.
func (f *flagSets) has(m *appendMessage) bool { return f.took[m.flagList()] || f.system.has(m.flags) }

// add notes that the server took the flags of a message.
func (f *flagSets) add(m *appendMessage) {
	if !f.system.add(m.flags) && len(f.took) < maxFlagSets {
		f.took[m.flagList()] = true
	}
}

// systemFlags are the flags of the system that a server took, on any connection to a mailbox. They are no
// matter of one connection or one list: no server may refuse them (RFC 9051 section 2.3.2), and whether
// this one keeps to that is asked once for each. Keywords are, since another connection may lead to another
// server. It is safe for concurrent use.
type systemFlags struct {
	mu   sync.Mutex
	any  bool // a message was taken, with flags or without
	took map[string]bool
}

func newSystemFlags() *systemFlags { return &systemFlags{took: map[string]bool{}} }

// has reports whether all of some flags are known; of none, whether any message was taken.
func (f *systemFlags) has(flags []string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.any && !slices.ContainsFunc(flags, func(flag string) bool {
		name, system := systemFlag(flag)
		return !system || !f.took[string(name)]
	})
}

// add notes flags that were taken together, if all of them are of the system.
func (f *systemFlags) add(flags []string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, flag := range flags {
		if _, system := systemFlag(flag); !system {
			return false
		}
	}
	for _, flag := range flags {
		name, _ := systemFlag(flag)
		f.took[string(name)] = true
	}
	f.any = true
	return true
}
