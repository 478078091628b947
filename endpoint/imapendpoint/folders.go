package imapendpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// maxFolders bounds what a listing of folders may hold.
const maxFolders = 100_000

// Folders lists the folders of the personal namespaces that can hold messages, and always INBOX,
// with what STATUS tells of each. It costs a few commands where the server has LIST-STATUS
// (RFC 5819), else one more for each folder.
func (d *driver) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return func(yield func(endpoint.Folder, error) bool) {
		folders, err := d.folders(ctx)
		if err != nil {
			yield(endpoint.Folder{}, err)
			return
		}
		for _, f := range folders {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (d *driver) folders(ctx context.Context) (folders []endpoint.Folder, err error) {
	err = d.with(ctx, anyFolder, func(s *session) error {
		l, ns, err := d.listAll(ctx, s)
		if err != nil {
			return err
		}
		if err := l.statuses(ctx, s); err != nil {
			return err
		}
		folders = l.folders(ns)
		return nil
	})
	return folders, err
}

// listAll collects the folders of the personal namespaces that can hold messages. Where the server
// has no LIST-STATUS, their states are missing.
func (d *driver) listAll(ctx context.Context, s *session) (l *listing, ns namespace, err error) {
	err = s.guard(ctx, func() error {
		l, ns, err = d.listFlight(s)
		if err != nil {
			_ = s.wire.drain() // a failure has ended the connection
		}
		return err
	})
	if err != nil {
		return nil, ns, err
	}
	l.ensureInbox()
	l.entries = slices.DeleteFunc(l.entries, func(e *entry) bool { return !e.holdsMessages() || ns.foreign(e.wire) })
	return l, ns, nil
}

// listFlight asks everything in one flight. As long as the namespace is not known, it takes it for the
// common one, and asks again where it turns out to be another.
func (d *driver) listFlight(s *session) (*listing, namespace, error) {
	refresh := s.sendRefresh(anyFolder)
	ns, asked := namespace{personal: []string{""}}, ""
	if known := d.knownNamespace(); known != nil {
		ns = *known
	} else {
		asked = s.sendNamespace()
	}
	guess := ns.patterns()
	l := newListing(s)
	err := l.send(guess)
	if err == nil && refresh != nil {
		if _, gone := refresh.await(); !s.alive() {
			err = gone
		}
	}
	if err == nil && asked != "" {
		ns, err = d.awaitNamespace(s, asked)
	}
	if err == nil {
		err = l.await()
	}
	if err != nil || slices.Equal(ns.patterns(), guess) || l.covers(ns) {
		return l, ns, err
	}
	l = newListing(s)
	if err = l.send(ns.patterns()); err == nil {
		err = l.await()
	}
	return l, ns, err
}

// covers reports whether a listing of all names tells all of the personal namespaces: it has some of
// each, for servers may keep one out of it, and nothing of which it is not clear whose it is.
func (l *listing) covers(ns namespace) bool {
	for _, prefix := range ns.personal {
		if !slices.ContainsFunc(l.entries, func(e *entry) bool { return strings.HasPrefix(e.wire, prefix) }) {
			return false
		}
	}
	return !slices.ContainsFunc(l.entries, func(e *entry) bool {
		return e.wire != inbox && !ns.foreign(e.wire) &&
			!slices.ContainsFunc(ns.personal, func(prefix string) bool { return strings.HasPrefix(e.wire, prefix) })
	})
}

// entry is what LIST, LSUB and STATUS tell of one name.
type entry struct {
	wire       string
	separator  string
	attributes []string // in lower case
	subscribed bool
	state      *folderState // nil if STATUS did not tell
}

func (e *entry) has(attribute string) bool { return slices.Contains(e.attributes, attribute) }

// holdsMessages reports whether the name is that of a folder, and not only of a level of the
// hierarchy (RFC 9051 section 7.3.1).
func (e *entry) holdsMessages() bool {
	return e.wire == inbox || !e.has(`\noselect`) && !e.has(`\nonexistent`)
}

// listing collects the responses to LIST, LSUB and STATUS.
type listing struct {
	session      *session
	lists, lsubs []string // commands on their way
	subscribed   []string // what LSUB told

	entries []*entry
	byWire  map[string]*entry
	counts  bool // mod-sequences are to be had
	err     error
}

func newListing(s *session) *listing { return &listing{session: s, counts: s.countsChanges()} }

// untagged reads one response. Others than those three are passed over.
func (l *listing) untagged(line []byte) {
	kind, rest := cutResponse(line)
	if l.err != nil || kind != "LIST" && kind != "LSUB" && kind != "STATUS" {
		return
	}
	values, err := parseValues(rest)
	switch {
	case err != nil:
		l.err = err
	case kind == "STATUS":
		l.status(values)
	case len(values) < 3 || !values[0].isList || values[1].isList || values[2].isList:
		l.err = errResponse()
	case kind == "LSUB":
		l.subscribed = append(l.subscribed, wireName(values[2]))
	default:
		l.add(values)
	}
}

// wireName returns a name as it stands in an ID: the INBOX has one spelling.
func wireName(v value) string {
	if strings.EqualFold(v.word, inbox) {
		return inbox
	}
	return v.word
}

func (l *listing) add(values []value) {
	e := &entry{wire: wireName(values[2])}
	if !values[1].isNil() {
		e.separator = values[1].word
	}
	for _, a := range values[0].list {
		e.attributes = append(e.attributes, strings.ToLower(a.word))
	}
	e.subscribed = e.has(`\subscribed`)
	if e.wire == "" || l.byWire[e.wire] != nil {
		return
	}
	if len(l.entries) == maxFolders {
		l.err = endpoint.Errorf(endpoint.Damaged, "the server lists more than %d folders", maxFolders)
		return
	}
	l.insert(e)
}

func (l *listing) insert(e *entry) {
	if l.byWire == nil {
		l.byWire = make(map[string]*entry)
	}
	l.entries = append(l.entries, e)
	l.byWire[e.wire] = e
}

func (l *listing) ensureInbox() {
	if l.byWire[inbox] == nil {
		l.insert(&entry{wire: inbox})
	}
}

// status reads a mailbox name and a list of pairs (RFC 9051 section 7.3.4).
func (l *listing) status(values []value) {
	if len(values) < 2 || !values[1].isList {
		l.err = errResponse()
		return
	}
	e := l.byWire[wireName(values[0])]
	if e == nil {
		return
	}
	st := folderState{messages: -1}
	for pair := range slices.Chunk(values[1].list, 2) {
		if len(pair) == 2 {
			st.set(strings.ToUpper(pair[0].word), pair[1])
		}
	}
	if l.counts && st.modseq == 0 {
		st.uidNext = 0 // RFC 7162 section 3.1.2.2: no State, which a change of flags would not change
	}
	e.state = &st
}

// set notes one item. What is no number, or out of its range, stays unknown.
func (st *folderState) set(item string, v value) {
	n, ok := v.number()
	if !ok {
		return
	}
	small := uint32(min(n, 1<<32-1))
	switch {
	case item == "HIGHESTMODSEQ":
		st.modseq = n
	case uint64(small) != n:
	case item == "UIDVALIDITY":
		st.validity = small
	case item == "UIDNEXT":
		st.uidNext = small
	case item == "MESSAGES":
		st.messages = int64(n)
	}
}

// countsChanges reports whether each change of a flag raises a folder's HIGHESTMODSEQ (RFC 7162;
// QRESYNC includes CONDSTORE).
func (s *session) countsChanges() bool { return s.has("CONDSTORE") || s.has("QRESYNC") }

// statusItems are what is asked of each folder.
func statusItems(s *session) string {
	if s.countsChanges() {
		return "(UIDVALIDITY UIDNEXT MESSAGES HIGHESTMODSEQ)"
	}
	return "(UIDVALIDITY UIDNEXT MESSAGES)"
}

// list adds the names that match a pattern, with subscriptions and special uses, and with their
// states where the server can tell all at once.
func (l *listing) list(ctx context.Context, s *session, pattern string) error {
	return s.guard(ctx, func() error {
		err := l.send([]string{pattern})
		if err == nil {
			err = l.await()
		}
		return err
	})
}

// send asks for the names that match patterns.
func (l *listing) send(patterns []string) error {
	s := l.session
	options := ""
	if s.has("LIST-EXTENDED") {
		options = " RETURN (" + strings.Join(returnOptions(s), " ") + ")" // RFC 5258
	}
	for _, pattern := range patterns {
		quoted, err := quoteString(pattern)
		if err != nil {
			return err
		}
		l.lists = append(l.lists, s.wire.send("LIST", `"" `+quoted+options))
		if options == "" {
			l.lsubs = append(l.lsubs, s.wire.send("LSUB", `"" `+quoted)) // RFC 3501 section 6.3.9
		}
	}
	return nil
}

// await reads the answers to send. A server may be without subscriptions.
func (l *listing) await() error {
	refused := error(nil)
	for i, tag := range append(l.lists, l.lsubs...) {
		st, err := l.session.wire.await(tag, answers{untagged: l.untagged})
		if err != nil {
			return err
		}
		if st.kind == "OK" || i >= len(l.lists) && st.errorCode() == endpoint.Rejected || refused != nil {
			continue
		}
		refused = st.err()
	}
	for _, name := range l.subscribed {
		if e := l.byWire[name]; e != nil {
			e.subscribed = true
		}
	}
	l.lists, l.lsubs, l.subscribed = nil, nil, nil
	if refused != nil {
		return refused
	}
	return l.err
}

func returnOptions(s *session) []string {
	options := []string{"SUBSCRIBED"}
	if s.has("SPECIAL-USE") {
		options = append(options, "SPECIAL-USE")
	}
	if s.has("LIST-STATUS") {
		options = append(options, "STATUS "+statusItems(s))
	}
	return options
}

// statuses asks for the states that are missing, all at once. A folder that the server says
// nothing about stays in the listing without a state.
func (l *listing) statuses(ctx context.Context, s *session) error {
	var lines []string
	for _, e := range l.entries {
		if quoted, err := quoteString(e.wire); err == nil && e.state == nil {
			lines = append(lines, "STATUS "+quoted+" "+statusItems(s))
		}
	}
	for _, err := range s.pipeline(ctx, lines, l.untagged) {
		if err != nil && !ofFolder(s, err) {
			return err
		}
	}
	return l.err
}

// ofFolder reports whether err says something about one folder only.
func ofFolder(s *session, err error) bool {
	switch endpoint.CodeOf(err) { //nolint:exhaustive // any other code
	case endpoint.Throttled, endpoint.Unauthenticated, endpoint.Untrusted:
		return false
	}
	return s.alive() && !isContext(err)
}

// folders returns what was collected, sorted by path, so that parents come before children.
func (l *listing) folders(ns namespace) []endpoint.Folder {
	out := make([]endpoint.Folder, 0, len(l.entries))
	for _, e := range l.entries {
		out = append(out, e.folder(ns))
	}
	distinguish(ns, out)
	slices.SortFunc(out, func(a, b endpoint.Folder) int { return slices.Compare(a.Path, b.Path) })
	assignRoles(out)
	return out
}

func (e *entry) folder(ns namespace) endpoint.Folder {
	f := endpoint.Folder{
		ID: e.wire, Path: ns.names.path(e.wire), Role: roleOfAttributes(e.attributes),
		Items: -1, Subscribed: e.subscribed,
	}
	if e.wire == inbox {
		f.Role = endpoint.Inbox
	}
	if st := e.state; st != nil {
		f.Validity, f.State, f.Items = validityText(st.validity), st.text(), int(st.messages)
	}
	return f
}

// distinguish makes sure that no two folders share a path, as they may where names are not as
// names.wire would have written them. Items are identified by the path of their folder: those of
// two folders with one path would pass for copies of each other.
func distinguish(ns namespace, folders []endpoint.Folder) {
	count := make(map[string]int, len(folders))
	for _, f := range folders {
		count[fmt.Sprintf("%q", f.Path)]++
	}
	for i, f := range folders {
		canonical, err := ns.names.wire(f.Path, false)
		if count[fmt.Sprintf("%q", f.Path)] > 1 && (err != nil || canonical != f.ID) {
			digest := sha256.Sum256([]byte(f.ID))
			path := slices.Clone(f.Path)
			path[len(path)-1] += " (" + hex.EncodeToString(digest[:4]) + ")"
			folders[i].Path = path
		}
	}
}
