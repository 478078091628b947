package graphserve

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// errNotThere is returned by the methods of a Mailbox for an ID that names nothing, or nothing of the right kind.
var errNotThere = errors.New("graphserve: nothing has this ID")

// Mailbox is what its owner does in a mailbox, outside of Graph: tests use it to prepare and to check. The IDs that it takes may have either
// form; those that it returns are immutable.
type Mailbox struct {
	server *Server
	user   *user
}

// Item is a thing in a mailbox as it is kept.
type Item struct {
	// ID is the immutable ID, for folders the only one.
	ID string
	// Fields are the JSON fields. Attachments and extended properties are not among them.
	Fields map[string]any
	// Properties are the extended properties by canonical ID: type and GUID in the case of the service, tags in short lower-case hex.
	Properties map[string]string
	// Extensions are the open extensions by name.
	Extensions map[string]map[string]any
	// Attachments are the contents of the attachments by name.
	Attachments map[string][]byte
}

// AddMailbox adds a user with a mailbox. The address is the principal name and primary address.
func (s *Server) AddMailbox(address, displayName string, aliases ...string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	proxies := []any{"SMTP:" + address}
	for _, alias := range aliases {
		proxies = append(proxies, "smtp:"+alias)
	}
	u := s.newUser(object{
		"userPrincipalName": address, "mail": address, "displayName": displayName, "proxyAddresses": proxies, "accountEnabled": true,
		"userType": "Member", "usageLocation": "DE", "assignedPlans": []any{object{"service": "exchange", "capabilityStatus": "Enabled"}},
	})
	u.openMailbox()
	return &Mailbox{s, u}
}

// AddUser adds a user without a mailbox. The fields, such as userType or proxyAddresses, are in addition to those that every user has, or instead
// of them.
func (s *Server) AddUser(principalName string, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := object{
		"userPrincipalName": principalName, "displayName": principalName, "mail": nil, "proxyAddresses": []any{}, "accountEnabled": true,
		"userType": "Member", "assignedPlans": []any{}, "assignedLicenses": []any{},
	}
	maps.Copy(all, fields)
	s.newUser(all)
}

// Mailbox is the mailbox of a user, or nil when there is none.
func (s *Server) Mailbox(address string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.findUser(address)
	if u == nil || !u.mailbox {
		return nil
	}
	return &Mailbox{s, u}
}

// AddSKU adds a licence with Exchange to the tenant. id is a UUID.
func (s *Server) AddSKU(id, partNumber string, units int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skus = append(s.skus, &sku{id: id, part: partNumber, units: units})
}

// do runs f under the server's lock.
func (m *Mailbox) do(f func()) {
	m.server.mu.Lock()
	defer m.server.mu.Unlock()
	f()
}

// with runs f for the node of an ID or of a well-known folder.
func (m *Mailbox) with(id string, f func(*node) error) error {
	err := errNotThere
	m.do(func() {
		n := m.user.byID[id]
		if n == nil {
			n = m.user.wellKnown[id]
		}
		if n != nil {
			err = f(n)
		}
	})
	if err != nil {
		return fmt.Errorf("graphserve: mailbox: %w", err)
	}
	return nil
}

// Folder is the ID of a mail folder by its path of display names below the top, or "".
func (m *Mailbox) Folder(path ...string) (id string) {
	m.do(func() {
		n := m.user.mail
		for _, name := range path {
			i := slices.IndexFunc(n.children, func(c *node) bool { return c.kind == kindMailFolder && folderName(c) == name })
			if i < 0 {
				return
			}
			n = n.children[i]
		}
		id = n.id
	})
	return id
}

// Calendar is the ID of the default calendar.
func (m *Mailbox) Calendar() (id string) {
	m.do(func() { id = m.user.calendar.id })
	return id
}

// Contacts is the ID of the default contact folder.
func (m *Mailbox) Contacts() (id string) {
	m.do(func() { id = m.user.contacts.id })
	return id
}

// TaskList is the ID of the default task list.
func (m *Mailbox) TaskList() (id string) {
	m.do(func() { id = m.user.tasks.of(kindTaskList)[0].id })
	return id
}

// CreateFolder makes a container of the same kind as its parent: a mail folder below a mail folder, a calendar beside the default one, and so on.
func (m *Mailbox) CreateFolder(parent, name string) (id string, err error) {
	err = m.with(parent, func(p *node) error {
		fields := object{"displayName": name}
		k := p.kind
		switch p.kind {
		case kindMailFolder:
			fields["isHidden"] = false
		case kindCalendar:
			fields, p = object{"name": name, "canEdit": true}, p.parent
		case kindTaskList:
			p = p.parent
		case kindContactFolder:
		default:
			return errNotThere
		}
		id = m.user.add(k, p, fields).id
		return nil
	})
	return id, err
}

// RenameFolder renames a folder.
func (m *Mailbox) RenameFolder(id, name string) error {
	return m.with(id, func(n *node) error {
		field := "displayName"
		if n.kind == kindCalendar {
			field = "name"
		}
		n.fields[field] = name
		m.user.touch(n)
		return nil
	})
}

// Delivery says how a message arrives. The zero value is unread mail of now.
type Delivery struct {
	Received time.Time // default: now
	Read     bool
	Draft    bool
	Flagged  bool
}

// Deliver puts a message of any bytes into a mail folder, as transport does.
func (m *Mailbox) Deliver(folder string, raw []byte, d Delivery) (id string, err error) {
	err = m.with(folder, func(f *node) error {
		n, err := m.user.newFromMIME(f, bytes.Clone(raw))
		if err != nil {
			return err
		}
		n.fields["isRead"], n.fields["isDraft"] = d.Read, d.Draft
		if !d.Received.IsZero() {
			n.fields["receivedDateTime"] = stamp(d.Received)
		}
		if d.Flagged {
			n.fields["flag"] = object{"flagStatus": "flagged"}
		}
		id = n.immutable
		return nil
	})
	return id, err
}

// Create makes an item from its JSON fields in a container: a message in a mail folder, an event in a calendar, a contact in a contact folder, a task
// in a list, a note or journal entry in "notes" or "journal". Nobody is invited. The fields may hold what only the service can set.
func (m *Mailbox) Create(container string, fields map[string]any) (id string, err error) {
	err = m.with(container, func(p *node) error {
		n, err := m.user.make(p, maps.Clone(fields))
		if err == nil {
			id = n.immutable
		}
		return err
	})
	return id, err
}

func (u *user) make(p *node, fields object) (*node, error) {
	switch p.kind {
	case kindMailFolder:
		return u.newMessage(p, fields)
	case kindCalendar:
		return u.newEvent(p, fields)
	case kindContactFolder:
		return u.add(kindContact, p, fields), nil
	case kindTaskList:
		return u.add(kindTask, p, fields), nil
	case kindOtherFolder:
		if fields["type"] == nil {
			fields["type"] = strings.Replace(text(p.fields["type"]), "IPF.", "IPM.", 1)
		}
		return u.add(kindOtherItem, p, fields), nil
	default:
		return nil, errNotThere
	}
}

// Update changes fields of an item.
func (m *Mailbox) Update(id string, fields map[string]any) error {
	return m.with(id, func(n *node) error {
		maps.Copy(n.fields, fields)
		m.user.touch(n)
		return nil
	})
}

// MarkRead marks a message read or unread.
func (m *Mailbox) MarkRead(id string, read bool) error {
	return m.Update(id, map[string]any{"isRead": read})
}

// SetProperty sets an extended property, or takes it away when value is empty.
func (m *Mailbox) SetProperty(id, property, value string) error {
	return m.with(id, func(n *node) error {
		canonical, err := propertyID(property)
		if err != nil {
			return err
		}
		if n.named[canonical] = value; value == "" {
			delete(n.named, canonical)
		}
		m.user.touch(n)
		return nil
	})
}

// SetPhoto gives a contact a photo.
func (m *Mailbox) SetPhoto(id string, photo []byte) error {
	return m.with(id, func(n *node) error {
		n.content = bytes.Clone(photo)
		m.user.touch(n)
		return nil
	})
}

// Move takes an item or folder to another folder.
func (m *Mailbox) Move(id, folder string) error {
	return m.with(folder, func(f *node) error {
		n := m.user.byID[id]
		if n == nil {
			return errNotThere
		}
		m.user.move(n, f)
		return nil
	})
}

// Delete removes an item or folder for ever.
func (m *Mailbox) Delete(id string) error {
	return m.with(id, func(n *node) error {
		m.user.remove(n)
		return nil
	})
}

// ExpireDeltas makes all delta links of the mailbox answer 410.
func (m *Mailbox) ExpireDeltas() {
	m.do(func() {
		for _, c := range m.server.cursors {
			if c.user == m.user && c.delta {
				c.expired = true
			}
		}
	})
}

// Items are the items of a container, hidden or not, in the order in which they came.
func (m *Mailbox) Items(container string) (list []Item, err error) {
	err = m.with(container, func(f *node) error {
		for _, n := range itemsOf(f) {
			list = append(list, itemOf(n))
		}
		return nil
	})
	return list, err
}

// Item is one item or folder.
func (m *Mailbox) Item(id string) (item Item, err error) {
	err = m.with(id, func(n *node) error {
		item = itemOf(n)
		return nil
	})
	return item, err
}

// MIME is a message as $value would show it.
func (m *Mailbox) MIME(id string) (raw []byte, err error) {
	err = m.with(id, func(n *node) error {
		var b bytes.Buffer
		err := n.rendering().write(&b)
		raw = b.Bytes()
		return err
	})
	return raw, err
}

func itemOf(n *node) Item {
	item := Item{
		ID: form(n.id, n.immutable, true), Fields: maps.Clone(n.fields), Properties: maps.Clone(n.named),
		Extensions: map[string]map[string]any{}, Attachments: map[string][]byte{},
	}
	for _, e := range n.of(kindExtension) {
		item.Extensions[strings.TrimPrefix(e.wellKnown, outlookPrefix)] = maps.Clone(e.fields)
	}
	for _, a := range n.of(kindAttachment) {
		item.Attachments[text(a.fields["name"])] = bytes.Clone(a.content)
	}
	return item
}
