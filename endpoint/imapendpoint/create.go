package imapendpoint

import (
	"context"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// CreateFolder creates a folder and returns it as Folders would, but for a role that only its
// name gives it. Where the server refuses the name, one with its punctuation escaped is tried.
func (d *driver) CreateFolder(ctx context.Context, f endpoint.Folder) (made endpoint.Folder, err error) {
	err = d.with(ctx, anyFolder, func(s *session) error {
		ns, err := d.namespace(ctx, s)
		if err != nil {
			return err
		}
		wire, l, err := createAtOnce(ctx, s, ns, f.Path)
		if wrongName(s, err) {
			wire, err = createPath(ctx, s, ns.names, f.Path)
		}
		if err != nil {
			return err
		}
		if l == nil || l.err != nil || l.byWire[wire] == nil {
			made, err = describe(ctx, s, ns, wire)
			return err
		}
		made, err = l.one(ctx, ns, wire)
		return err
	})
	return made, err
}

// createAtOnce creates a folder under its plain name and lists it in one flight: servers execute commands in
// order where one affects the results of another (RFC 9051 section 5.5). The listing is nil, or without the
// folder, where it is to be asked for again.
func createAtOnce(ctx context.Context, s *session, ns namespace, path []string) (wire string, l *listing, err error) {
	wire, err = ns.names.wire(path, false)
	if err != nil || wire == inbox {
		return wire, nil, err
	}
	l = newListing(s)
	err = s.guard(ctx, func() error { return l.create(wire) })
	return wire, l, err
}

// create sends CREATE, a listing of what it makes, and SELECT, for something is to be put there next. The last two may fail.
func (l *listing) create(wire string) error {
	quoted, err := quoteString(wire)
	if err != nil {
		return err
	}
	w := l.session.wire
	refresh := l.session.sendRefresh(wire)
	tag := w.send("CREATE", quoted)
	if err := l.send([]string{wire}); err != nil {
		return err
	}
	opening, err := l.session.sendSelect(wire, false)
	if err != nil {
		return err
	}
	if refresh != nil {
		if _, err := refresh.await(); !l.session.alive() {
			return err
		}
	}
	st, err := w.await(tag, answers{untagged: l.untagged})
	if err != nil {
		return err
	}
	if err := l.await(); !l.session.alive() {
		return err
	}
	if _, err := opening.await(); !l.session.alive() {
		return err
	}
	if st.kind != "OK" && st.errorCode() != endpoint.Exists {
		return st.err()
	}
	return nil
}

// createPath creates the folder at path, under a plain or else a strictly escaped name, which it
// returns.
func createPath(ctx context.Context, s *session, n names, path []string) (wire string, err error) {
	plain, err := n.wire(path, false)
	if err != nil || plain == inbox {
		return plain, err
	}
	strict, err := n.wire(path, true)
	if err != nil {
		return "", err
	}
	if err = create(ctx, s, plain); err == nil {
		return plain, nil
	}
	if wrongName(s, err) && len(path) > 1 {
		// A server need not create the levels above (RFC 9051 section 6.3.4). Whether they are
		// there by now shows in what follows.
		if _, parent := createPath(ctx, s, n, path[:len(path)-1]); !wrongName(s, parent) && parent != nil {
			return "", parent
		}
		err = create(ctx, s, plain)
	}
	if wrongName(s, err) && strict != plain {
		return strict, create(ctx, s, strict)
	}
	return plain, err
}

// create sends CREATE; a folder that exists is no error.
func create(ctx context.Context, s *session, wire string) error {
	quoted, err := quoteString(wire)
	if err != nil {
		return err
	}
	err = s.command(ctx, "CREATE "+quoted, nil)
	if endpoint.CodeOf(err) == endpoint.Exists {
		return nil
	}
	return err
}

// wrongName reports whether err is the server's answer to this name, and no fault of anything else.
func wrongName(s *session, err error) bool {
	if err == nil || isContext(err) || !s.alive() {
		return false
	}
	code := endpoint.CodeOf(err)
	return code != endpoint.OverQuota && code != endpoint.Unauthenticated && !code.Temporary()
}

// describe returns one folder as Folders would.
func describe(ctx context.Context, s *session, ns namespace, wire string) (endpoint.Folder, error) {
	if err := s.refresh(ctx, wire); err != nil {
		return endpoint.Folder{}, err
	}
	l := newListing(s)
	if err := l.list(ctx, s, wire); err != nil {
		return endpoint.Folder{}, err
	}
	return l.one(ctx, ns, wire)
}

// one returns the folder with a name, of a listing of it, or of its STATUS if it is not listed.
func (l *listing) one(ctx context.Context, ns namespace, wire string) (endpoint.Folder, error) {
	if wire == inbox {
		l.ensureInbox()
	}
	// A name with wildcards matches others as well.
	l.entries = slices.DeleteFunc(l.entries, func(e *entry) bool { return e.wire != wire })
	listed := len(l.entries) > 0
	if !listed { // a listing may be behind, and STATUS not
		l.insert(&entry{wire: wire})
	}
	made := l.entries[0]
	if !made.holdsMessages() {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.Denied, "the server keeps the folder for other folders only")
	}
	if err := l.statuses(ctx, l.session); err != nil {
		return endpoint.Folder{}, err
	}
	if !listed && made.state == nil {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.NotFound, "the server does not know the folder that it created")
	}
	return made.folder(ns), nil
}
