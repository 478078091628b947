package imapendpoint

import (
	"context"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// CreateFolder creates a folder and returns it as Folders would, but for a role that only its
// name gives it. Where the server refuses the name, one with its punctuation escaped is tried.
func (d *driver) CreateFolder(ctx context.Context, f endpoint.Folder) (made endpoint.Folder, err error) {
	err = d.with(ctx, func(s *session) error {
		ns, err := d.namespace(ctx, s)
		if err != nil {
			return err
		}
		wire, err := createPath(ctx, s, ns.names, f.Path)
		if err != nil {
			return err
		}
		made, err = describe(ctx, s, ns, wire)
		return err
	})
	return made, err
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
	if err := s.refresh(ctx); err != nil {
		return endpoint.Folder{}, err
	}
	l := newListing(s)
	if err := l.list(ctx, s, wire); err != nil {
		return endpoint.Folder{}, err
	}
	if wire == inbox {
		l.ensureInbox()
	}
	// A name with wildcards matches others as well.
	l.entries = slices.DeleteFunc(l.entries, func(e *entry) bool { return e.wire != wire })
	if len(l.entries) == 0 {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.NotFound, "the server does not list the folder that it created")
	}
	if !l.entries[0].holdsMessages() {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.Denied, "the server keeps the folder for other folders only")
	}
	if err := l.statuses(ctx, s); err != nil {
		return endpoint.Folder{}, err
	}
	return l.entries[0].folder(ns), nil
}
