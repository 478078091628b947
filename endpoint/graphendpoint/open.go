package graphendpoint

import (
	"context"
	"errors"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Open returns a mailbox of Microsoft 365. Nothing is sent before its first use; a configuration that cannot work fails with code
// Invalid.
func Open(_ context.Context, cfg Config) (*endpoint.Mailbox, error) {
	d, err := newDriver(cfg)
	if err != nil {
		return nil, &endpoint.Error{Op: "open", Driver: typeName, Code: endpoint.Invalid, Err: err}
	}
	return endpoint.New(d), nil
}

func newDriver(cfg Config) (*driver, error) {
	root, err := cfg.root()
	if err != nil {
		return nil, err
	}
	if _, err := cfg.kinds(); err != nil {
		return nil, err
	}
	c, err := newClient(root, cfg.User, cfg.Credential, cfg.Transport)
	if err != nil {
		return nil, err
	}
	return &driver{cfg: cfg, client: c, timing: timing{putGrace, visibility}}, nil
}

// opened returns the shelves of the kinds that were asked for, once each of them could be reached. A missing permission is known
// then, before anything is listed, and not taken for a mailbox without such items.
func (d *driver) opened(ctx context.Context) ([]labelled, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shelves != nil {
		return d.shelves, nil
	}
	kinds, err := d.cfg.kinds()
	if err != nil {
		return nil, err
	}
	all, err := d.sorts(ctx)
	if err != nil {
		return nil, err
	}
	var opened []labelled
	for _, s := range all {
		if !slices.Contains(kinds, s.kind) {
			continue
		}
		if err := s.probe(ctx); err != nil {
			return nil, unreachable(s.kind, err)
		}
		opened = append(opened, s)
	}
	for _, k := range d.cfg.Kinds {
		if !slices.ContainsFunc(opened, func(s labelled) bool { return s.kind == k }) {
			return nil, unreachable(k, endpoint.Errorf(endpoint.Denied, "they show only in the export of mailboxes, which the program may not use here"))
		}
	}
	d.shelves = opened
	return opened, nil
}

// unreachable is the error of a kind that cannot be reached.
func unreachable(k endpoint.Kind, err error) error {
	if !hasCode(err, endpoint.Denied) || errors.Is(err, ErrNoMailbox) || errors.Is(err, ErrUnknownUser) {
		return err
	}
	return endpoint.Errorf(endpoint.Denied, "items of kind %s: %w; grant it, or leave the kind out of Config.Kinds", k, err)
}

// sorts returns a shelf for each sort of folder that this mailbox has.
func (d *driver) sorts(ctx context.Context) ([]labelled, error) {
	t := &transfer{client: d.client}
	exports, imports, err := t.able(ctx)
	if err != nil {
		return nil, err
	}
	mails, written := []endpoint.Format{endpoint.RFC822}, []endpoint.Format{endpoint.RFC822}
	if exports {
		mails = []endpoint.Format{FastTransfer, endpoint.RFC822}
	}
	if imports {
		written = []endpoint.Format{FastTransfer, endpoint.RFC822}
	}
	all := []labelled{
		{"m", endpoint.Mail, nil, mails, written, mailShelf{d.client, d.cfg.BetaImportMIME, t}},
		inOneFormat("c", endpoint.Event, calendarsRoot, endpoint.ICalendar, calendarShelf{d.client}),
		inOneFormat("p", endpoint.Contact, contactsRoot, endpoint.VCard, newContactShelf(d.client)),
		inOneFormat("t", endpoint.Task, tasksRoot, endpoint.ICalendar, newTaskShelf(d.client)),
	}
	if exports {
		for _, other := range []struct {
			letter, class, name string
			kind                endpoint.Kind
			role                endpoint.Role
		}{
			{"n", "IPF.StickyNote", "[Notes]", endpoint.Note, endpoint.DefaultNotes},
			{"j", "IPF.Journal", "[Journal]", endpoint.Journal, endpoint.DefaultJournal},
		} {
			shelf := &otherShelf{transfer: t, kind: other.kind, class: other.class, role: other.role, root: other.name}
			all = append(all, labelled{other.letter, other.kind, []string{other.name}, []endpoint.Format{FastTransfer}, nil, shelf})
		}
	}
	return all, nil
}

// inOneFormat labels a shelf whose items are read and written in one format, and whose folders have a root of their own.
func inOneFormat(letter string, kind endpoint.Kind, root string, format endpoint.Format, s shelf) labelled {
	formats := []endpoint.Format{format}
	return labelled{letter, kind, []string{root}, formats, formats, s}
}
