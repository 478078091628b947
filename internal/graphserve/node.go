package graphserve

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// object is a JSON object as it travels.
type object = map[string]any

// kind is what a node is.
type kind int

// Kinds of nodes.
const (
	kindRoot kind = iota
	kindUser
	kindMailFolder
	kindMessage
	kindCalendarGroup
	kindCalendar
	kindEvent
	kindContactFolder
	kindContact
	kindTaskList
	kindTask
	kindOtherFolder // folders that only the import and export API shows
	kindOtherItem   // notes and journal entries
	kindAttachment
	kindExtension
	kindChecklistItem
	kindLinkedResource
)

// container says whether nodes of the kind hold items and keep their ID for ever.
func (k kind) container() bool {
	switch k {
	case kindRoot, kindMailFolder, kindCalendarGroup, kindCalendar, kindContactFolder, kindTaskList, kindOtherFolder:
		return true
	default:
		return false
	}
}

// item says whether nodes of the kind are what folders hold.
func (k kind) item() bool {
	return k != kindUser && k < kindAttachment && !k.container()
}

// A node is anything that has an ID in a mailbox: folders, items, and what hangs on items.
type node struct {
	kind      kind
	id        string // the default form, which changes on a move
	immutable string
	parent    *node
	children  []*node
	fields    object            // as the client sent or reads them
	named     map[string]string // extended properties, by their canonical ID
	content   []byte            // of attachments and photos
	mime      []byte            // of messages that came as MIME
	wellKnown string
	version   uint64 // of the last change, for delta and changeKey
	created   uint64
	pending   int // list requests that do not show the node yet
	offered   int // renderings of the MIME so far
}

// A tombstone remembers that a node left its parent.
type tombstone struct {
	parent        *node
	kind          kind
	id, immutable string
	version       uint64
}

// form is the ID of a node in the form asked for.
func form(id, immutable string, wantImmutable bool) string {
	if wantImmutable && immutable != "" {
		return immutable
	}
	return id
}

// next is a new version number.
func (s *Server) next() uint64 {
	s.seq++
	return s.seq
}

// newID is an opaque ID. Two consecutive ones differ only in the case of a letter, and all hold characters that a path must escape.
func newID(prefix string, n uint64) string {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], n/2)
	sum := sha256.Sum256(append([]byte(prefix), seed[:]...))
	letter := "Q"
	if n%2 == 1 {
		letter = "q"
	}
	return prefix + letter + "/" + base64.StdEncoding.EncodeToString(sum[:25]) + "+A="
}

// add makes a node below parent.
func (u *user) add(k kind, parent *node, fields object) *node {
	s := u.server
	u.ids++
	n := &node{kind: k, id: newID("AAMk"+u.tag, u.ids), fields: fields, named: map[string]string{}}
	if !k.container() {
		n.immutable = newID("AAkA"+u.tag, u.ids)
	}
	if fields == nil {
		n.fields = object{}
	}
	n.created = s.next()
	n.fields["createdDateTime"] = stamp(s.clock())
	u.byID[n.id] = n
	if n.immutable != "" {
		u.byID[n.immutable] = n
	}
	u.attach(n, parent)
	return n
}

func (u *user) attach(n, parent *node) {
	n.parent = parent
	if parent != nil {
		parent.children = append(parent.children, n)
	}
	u.touch(n)
}

// detach takes a node off its parent and leaves a tombstone.
func (u *user) detach(n *node) {
	if n.parent == nil {
		return
	}
	n.parent.children = slices.DeleteFunc(n.parent.children, func(c *node) bool { return c == n })
	u.tombs = append(u.tombs, tombstone{parent: n.parent, kind: n.kind, id: n.id, immutable: n.immutable, version: u.server.next()})
	n.parent = nil
}

// touch marks a change of a node, and of the item that it hangs on.
func (u *user) touch(n *node) {
	for ; n != nil; n = n.parent {
		n.version = u.server.next()
		n.fields["lastModifiedDateTime"] = stamp(u.server.clock())
		if n.kind < kindAttachment {
			return
		}
	}
}

// move takes a node to another parent. Items get a new ID in the default form.
func (u *user) move(n, parent *node) {
	u.detach(n)
	if !n.kind.container() {
		delete(u.byID, n.id)
		u.ids++
		n.id = newID("AAMk"+u.tag, u.ids)
		u.byID[n.id] = n
	}
	u.attach(n, parent)
}

// remove deletes a node and what is below it, for ever.
func (u *user) remove(n *node) {
	for _, child := range slices.Clone(n.children) {
		u.remove(child)
	}
	if parent := n.parent; parent != nil && n.kind >= kindAttachment {
		defer u.touch(parent)
	}
	u.detach(n)
	delete(u.byID, n.id)
	delete(u.byID, n.immutable)
}

// copyTo makes a copy of a node, with new IDs, below parent.
func (u *user) copyTo(n, parent *node) *node {
	c := u.add(n.kind, parent, maps.Clone(n.fields))
	c.named, c.content, c.mime = maps.Clone(n.named), n.content, n.mime
	for _, child := range slices.Clone(n.children) {
		u.copyTo(child, c)
	}
	return c
}

// of lists the children of a kind that lists show already.
func (n *node) of(k kind) []*node {
	var list []*node
	for _, child := range n.children {
		if child.kind == k && child.pending == 0 {
			list = append(list, child)
		}
	}
	return list
}

// below lists the nodes of a kind below n, parents first.
func (n *node) below(k kind) []*node {
	var list []*node
	for _, child := range n.children {
		if child.kind == k {
			list = append(list, child)
		}
		list = append(list, child.below(k)...)
	}
	return list
}

// within says whether n is ancestor or lies below it.
func (n *node) within(ancestor *node) bool {
	for ; n != nil; n = n.parent {
		if n == ancestor {
			return true
		}
	}
	return false
}

// hide makes lists not show a new node for a while, where the service does so.
func (u *user) hide(n *node) {
	if n.pending = u.server.quirks.VisibleAfter; n.pending > 0 {
		u.hidden[n] = true
	}
}

// reveal counts a list request that has chosen its nodes: nodes created a while ago become visible, which delta sees as a change.
func (u *user) reveal() {
	for n := range u.hidden {
		if n.pending--; n.pending == 0 {
			n.version = u.server.next()
			delete(u.hidden, n)
		}
	}
}

// stamp is a time as the service writes it.
func stamp(t time.Time) string {
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// propertyID is the canonical form of an extended property's ID, as the service echoes it: GUIDs in lower case, tags in short lower-case hex, the
// name of the property, which is case-sensitive, as it is.
func propertyID(id string) (string, error) {
	parts := strings.SplitN(strings.TrimSpace(id), " ", 4)
	if len(parts) == 2 {
		tag, isTag := strings.CutPrefix(strings.ToLower(parts[1]), "0x")
		if isTag && tag != "" && strings.Trim(tag, "0123456789abcdef") == "" {
			return typeName(parts[0]) + " 0x" + strings.TrimLeft(tag, "0"), nil
		}
	}
	if len(parts) == 4 && strings.HasPrefix(parts[1], "{") && strings.HasSuffix(parts[1], "}") {
		switch strings.ToLower(parts[2]) {
		case "name":
			return typeName(parts[0]) + " " + strings.ToLower(parts[1]) + " Name " + parts[3], nil
		case "id":
			return typeName(parts[0]) + " " + strings.ToLower(parts[1]) + " Id " + strings.ToLower(parts[3]), nil
		}
	}
	return "", badRequest("ErrorInvalidProperty", "The extended property ID is malformed.")
}

// typeName is a property type in its usual case: String, Integer, SystemTime, and so on.
func typeName(name string) string {
	lower := strings.ToLower(name)
	switch lower {
	case "systemtime":
		return "SystemTime"
	case "clsid":
		return "CLSID"
	case "":
		return ""
	}
	return string(unicode.ToUpper(rune(lower[0]))) + lower[1:]
}
