package imapendpoint

import (
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Delete moves messages to the folder with role Trash, or expunges them where there is none or f
// has that role itself. It never sends a plain EXPUNGE, which would take along what others have
// marked as \Deleted.
//
// A connection that is lost on the way ends the sequence; nothing is repeated. Asked again, a server
// without MOVE (RFC 6851) may then put a second copy into the trash: nothing tells that the first
// COPY was done. No message gets lost in any order.
func (d *driver) Delete(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Result, error] {
	return func(yield func(endpoint.Result, error) bool) {
		trash, err := d.trash(ctx, f)
		if err != nil {
			yield(endpoint.Result{}, err)
			return
		}
		d.change(ctx, f, refs, func(s *session, sel *selected, uids []uint32) (map[uint32]error, error) {
			return s.discard(ctx, sel, trash, uids)
		})(yield)
	}
}

// canDelete reports whether the server has a way to take out the named messages and no others.
func (s *session) canDelete() bool { return s.has("MOVE") || s.has("UIDPLUS") }

// trash returns the wire name of the folder with role Trash, as Folders assigns it, or "" if there
// is none or f is one.
func (d *driver) trash(ctx context.Context, f endpoint.Folder) (wire string, err error) {
	err = d.with(ctx, anyFolder, func(s *session) error {
		l, ns, err := d.listAll(ctx, s)
		if err != nil {
			return err
		}
		folders := slices.DeleteFunc(l.folders(ns), func(g endpoint.Folder) bool { return g.Role != endpoint.Trash })
		if len(folders) > 0 && !slices.ContainsFunc(folders, func(g endpoint.Folder) bool { return g.ID == f.ID }) {
			wire = folders[0].ID
		}
		return nil
	})
	return wire, err
}

// discard takes messages out of the open folder, and returns what became of those that are still
// there. An error means that the outcome of all is open.
func (s *session) discard(ctx context.Context, sel *selected, trash string, uids []uint32) (map[uint32]error, error) {
	var refused map[uint32]error
	var err error
	switch {
	case trash != "" && s.has("MOVE"):
		refused, err = s.move(ctx, uids, trash)
	case !s.has("UIDPLUS"):
		return nil, endpoint.Errorf(endpoint.Unsupported,
			"the server cannot expunge single messages (UIDPLUS): create a folder named Trash, or delete in a mail program")
	case !sel.permits(string(endpoint.Deleted)):
		return nil, endpoint.Errorf(endpoint.Denied, "the account may not delete messages in the folder")
	case trash != "":
		refused, err = s.copyAndExpunge(ctx, uids, trash)
	default:
		refused, err = s.expunge(ctx, uids)
	}
	if err != nil {
		return nil, err
	}
	return s.verifyGone(ctx, sel, uids, refused)
}

// verifyGone looks whether messages are gone, and adds an error for each that is not.
func (s *session) verifyGone(ctx context.Context, sel *selected, uids []uint32, refused map[uint32]error) (map[uint32]error, error) {
	left, err := existing(ctx, s, sel, uids)
	if err != nil {
		return nil, err
	}
	still := make(map[uint32]error)
	for _, uid := range left {
		still[uid] = refused[uid]
		if still[uid] == nil {
			still[uid] = endpoint.Errorf(endpoint.Denied, "the server accepted the deletion and left the message where it was")
		}
	}
	return still, nil
}
