package memendpoint

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// Message is an item that the user's other program puts into the mailbox.
type Message struct {
	// Kind defaults to Mail.
	Kind endpoint.Kind
	// Body is stored as it is. It is in the format of its kind: message/rfc822 for mail and notes,
	// text/calendar for events, tasks and journal entries, text/vcard for contacts.
	Body []byte
	// Identity is what a listing says of the item. Empty means that it is computed from Body.
	Identity string
	// Flags are kept as a session's Put keeps them.
	Flags []endpoint.Flag
	// Received is kept to the second. Zero means a minute after the last item that had none.
	Received time.Time
}

// Stored is an item as it is in the mailbox.
type Stored struct {
	Ref      string
	Kind     endpoint.Kind
	Body     []byte // mark included
	Flags    []endpoint.Flag
	Received time.Time
	Mark     watermark.Reading
}

// item is an item of a folder. Its body is never changed in place, so that readers may share it.
type item struct {
	ref      uint64
	number   uint64 // among all items of the mailbox; 0 until it is added
	kind     endpoint.Kind
	body     []byte
	named    bool // the identity was given, and is not computed
	identity string
	marks    watermark.Reading
	flags    []endpoint.Flag
	received time.Time
	sent     time.Time
	version  uint64    // how often its content changed
	updated  uint64    // the number of the last change among those of the folder, or 0
	shows    time.Time // when listings begin to have it
}

// Deliver puts a new item into a folder and returns its reference. Unlike a session's Put, it adds
// no mark.
func (s *Server) Deliver(path []string, m Message) (ref string, err error) {
	kind := cmp.Or(m.Kind, endpoint.Mail)
	if formatOf(kind) == "" {
		return "", endpoint.Errorf(endpoint.Invalid, "no such kind of item")
	}
	err = s.in(path, func(f *folder) error {
		flags, _ := keepFlags(m.Flags, true)
		it := s.add(f, item{
			kind: kind, body: slices.Clone(m.Body), named: m.Identity != "", identity: m.Identity,
			flags: flags, received: m.Received,
		})
		ref = decimal(it.ref)
		return nil
	})
	return ref, err
}

// Delete removes an item for good.
func (s *Server) Delete(path []string, ref string) error {
	return s.in(path, func(f *folder) error {
		it, err := f.item(ref)
		if err == nil {
			s.drop(f, it)
		}
		return err
	})
}

// Move moves an item to another folder, where it gets a new reference.
func (s *Server) Move(from []string, ref string, to []string) (newRef string, err error) {
	return s.transfer(from, ref, to, true)
}

// Copy copies an item, its mark included, to another folder or the same.
func (s *Server) Copy(from []string, ref string, to []string) (newRef string, err error) {
	return s.transfer(from, ref, to, false)
}

func (s *Server) transfer(from []string, ref string, to []string, move bool) (newRef string, err error) {
	err = s.in(from, func(f *folder) error {
		target, err := s.find(to)
		if err != nil {
			return err
		}
		it, err := f.item(ref)
		if err != nil {
			return err
		}
		moved := *it
		if !move {
			moved.number = 0 // a copy is another item
		}
		newRef = decimal(s.add(target, moved).ref)
		if move {
			s.drop(f, it)
		}
		return nil
	})
	return newRef, err
}

// SetFlags replaces the flags of an item.
func (s *Server) SetFlags(path []string, ref string, flags ...endpoint.Flag) error {
	return s.in(path, func(f *folder) error {
		it, err := f.item(ref)
		if err == nil {
			kept, _ := keepFlags(flags, true)
			f.setFlags(it, kept)
		}
		return err
	})
}

// Update replaces the content of an item in its place, as a calendar program does: the item keeps
// its reference, flags and time of receipt. Its identity is computed anew, unless it was given by
// Message.Identity.
func (s *Server) Update(path []string, ref string, body []byte) error {
	return s.in(path, func(f *folder) error {
		it, err := f.item(ref)
		if err != nil {
			return err
		}
		s.used += int64(len(body)) - int64(len(it.body))
		it.body = slices.Clone(body)
		it.examine()
		f.updates++
		it.version, it.updated = it.version+1, f.updates
		return nil
	})
}

// Messages returns the items of a folder in the order of their references, also those that
// sessions cannot see yet. It returns none for a folder that does not exist.
func (s *Server) Messages(path ...string) []Stored {
	var list []Stored
	_ = s.in(path, func(f *folder) error {
		for _, it := range f.items {
			list = append(list, Stored{
				Ref: decimal(it.ref), Kind: it.kind, Body: slices.Clone(it.body),
				Flags: slices.Clone(it.flags), Received: it.received, Mark: it.marks,
			})
		}
		return nil
	})
	return list
}

// add gives an item its place in a folder.
func (s *Server) add(f *folder, it item) *item {
	it.ref, it.updated = f.next, 0
	if it.number == 0 {
		s.items++
		it.number = s.items
	}
	it.examine()
	if it.received.IsZero() {
		it.received = s.tick()
	}
	it.received = it.received.UTC().Truncate(time.Second)
	f.items = append(f.items, &it)
	f.next++
	f.changes++
	s.used += int64(len(it.body))
	return &it
}

// examine fills in what the body says of the item.
func (it *item) examine() {
	it.marks = readMarks(it.kind, it.body)
	it.sent = sentAt(it.kind, it.body)
	if !it.named {
		it.identity = identify(it.kind, it.body)
	}
}

// drop takes an item out of its folder.
func (s *Server) drop(f *folder, it *item) {
	i, _ := f.search(it.ref)
	f.items = slices.Delete(f.items, i, i+1)
	f.changes++
	f.gone++
	s.used -= int64(len(it.body))
}

// setFlags replaces the flags of an item by others, which are kept.
func (f *folder) setFlags(it *item, flags []endpoint.Flag) {
	same := len(flags) == len(it.flags)
	for _, flag := range flags {
		same = same && slices.Contains(it.flags, flag)
	}
	if !same {
		it.flags = flags
		f.flagged++
	}
}

// item returns the item with a reference, or an error with code NotFound.
func (f *folder) item(ref string) (*item, error) {
	n, err := strconv.ParseUint(ref, 10, 64)
	i, found := f.search(n)
	if err != nil || !found || decimal(n) != ref {
		return nil, endpoint.Errorf(endpoint.NotFound, "no such item; list the folder anew")
	}
	return f.items[i], nil
}

func (f *folder) search(ref uint64) (int, bool) {
	return slices.BinarySearchFunc(f.items, ref, func(it *item, ref uint64) int { return cmp.Compare(it.ref, ref) })
}

// formatOf returns the one format of a kind, or "" if there is no such kind.
func formatOf(k endpoint.Kind) endpoint.Format {
	switch k {
	case endpoint.Mail, endpoint.Note:
		return endpoint.RFC822
	case endpoint.Event, endpoint.Task, endpoint.Journal:
		return endpoint.ICalendar
	case endpoint.Contact:
		return endpoint.VCard
	}
	return ""
}

// readMarks finds the marks of an item where press puts them.
func readMarks(k endpoint.Kind, body []byte) watermark.Reading {
	if formatOf(k) == endpoint.RFC822 {
		return watermark.Read(body)
	}
	return watermark.ReadProperty(body)
}

// keepFlags returns the flags that an item gets, in the spelling of RFC 9051 section 2.3.2 and each
// once, and those that it does not: \Recent and unknown system flags never, keywords only where
// they are allowed.
func keepFlags(flags []endpoint.Flag, keywords bool) (kept, dropped []endpoint.Flag) {
	for _, f := range flags {
		system := systemFlag(f)
		switch {
		case system == "" && (strings.HasPrefix(string(f), `\`) || f == "" || !keywords):
			dropped = append(dropped, f)
			continue
		case system != "":
			f = system
		}
		if !slices.Contains(kept, f) {
			kept = append(kept, f)
		}
	}
	return kept, dropped
}

// systemFlag returns the spelling of a system flag that can be set, or "".
func systemFlag(f endpoint.Flag) endpoint.Flag {
	for _, s := range []endpoint.Flag{
		endpoint.Seen, endpoint.Answered, endpoint.IsFlagged, endpoint.Deleted, endpoint.Draft,
	} {
		if strings.EqualFold(string(f), string(s)) {
			return s
		}
	}
	return ""
}
