package imapendpoint

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/dandyroll/dandyroll/endpoint"
)

// pageChanges is how many messages one command changes at most: moving so many takes the slowest
// servers less than the time after which silence counts as a lost connection.
const pageChanges = 200

// changeFunc changes messages of the open folder, all of which exist, and returns an error for each
// that it could not change. The other error means that the outcome of all is open.
type changeFunc func(s *session, sel *selected, uids []uint32) (refused map[uint32]error, err error)

// change runs op over the messages with the given references, page by page, and yields one result
// for each. It holds no connection while it yields.
func (d *driver) change(ctx context.Context, f endpoint.Folder, refs []string, op changeFunc) iter.Seq2[endpoint.Result, error] {
	return func(yield func(endpoint.Result, error) bool) {
		uids, invalid := parseRefs(refs)
		for _, ref := range invalid {
			if !yield(endpoint.Result{Ref: ref, Err: errRef()}, nil) {
				return
			}
		}
		for page := range slices.Chunk(uids, pageChanges) {
			results, err := d.changePage(ctx, f, page, op)
			if err != nil {
				yield(endpoint.Result{}, err)
				return
			}
			for _, r := range results {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// changePage runs op once, in a view of the folder in which it has seen which messages exist. What
// op began is not repeated: on another connection, its own work would look like somebody else's.
func (d *driver) changePage(ctx context.Context, f endpoint.Folder, uids []uint32, op changeFunc) ([]endpoint.Result, error) {
	var there []uint32
	var refused map[uint32]error
	var failure error
	err := d.openToChange(ctx, f, func(s *session, sel *selected) error {
		found, err := existing(ctx, s, sel, uids)
		if err != nil {
			return err
		}
		if there = intersection(uids, found); len(there) > 0 {
			refused, failure = op(s, sel, there)
		}
		return nil
	})
	if endpoint.CodeOf(failure) == endpoint.NotFound { // which would say that the folder is not there
		failure = endpoint.Errorf(endpoint.Unavailable, "the trash, or a message, went away meanwhile: try again")
	}
	if err == nil {
		err = failure
	}
	if err != nil {
		return nil, err
	}
	results := make([]endpoint.Result, len(uids))
	for i, uid := range uids {
		results[i] = endpoint.Result{Ref: refOf(uid), Err: refused[uid]}
		if _, exists := slices.BinarySearch(there, uid); !exists {
			results[i].Err = endpoint.Errorf(endpoint.NotFound, "the message was expunged")
		}
	}
	return results, nil
}

// openToChange runs op, as with does, after SELECT of the folder. The folder must be the one whose
// UIDs the caller has, so it is stricter than examine.
func (d *driver) openToChange(ctx context.Context, f endpoint.Folder, op func(*session, *selected) error) error {
	return d.with(ctx, f.ID, func(s *session) error {
		sel, err := s.selectFolder(ctx, f.ID, false)
		switch {
		case err != nil:
			return err
		case f.Validity != validityText(sel.validity):
			return errStale()
		case sel.validity == 0:
			return endpoint.Errorf(endpoint.Unsupported, "the server gives the folder no UIDVALIDITY, so nothing says which messages are meant")
		case sel.readOnly:
			return errReadOnly()
		}
		return op(s, sel)
	})
}

// halving runs a command over messages and, where the server refuses them together, over each half,
// so that one message that cannot be changed keeps no other from it. refused holds the messages
// that are refused alone.
func (s *session) halving(uids []uint32, command func(uids []uint32) error) (refused map[uint32]error, err error) {
	refused = make(map[uint32]error)
	for open := [][]uint32{uids}; len(open) > 0; {
		group := open[len(open)-1]
		open = open[:len(open)-1]
		err := command(group)
		switch {
		case err == nil:
		case !s.alive() || !ofMessage(err):
			return refused, err
		case len(group) == 1:
			refused[group[0]] = err
		default:
			open = append(open, group[len(group)/2:], group[:len(group)/2])
		}
	}
	return refused, nil
}

// ofMessage reports whether the refusal of a command may be due to one of its messages.
func ofMessage(err error) bool {
	switch endpoint.CodeOf(err) { //nolint:exhaustive // any other code
	case endpoint.Rejected, endpoint.Damaged, endpoint.TooLarge:
		return true
	}
	return false
}

// setText returns UIDs, which are no more than pageChanges, as a set.
func setText(uids []uint32) string {
	set, _ := uidSet(uids, len(uids))
	return set
}

// parseRefs returns the UIDs that references stand for, in ascending order, each once, and the
// references that are no UID, each once.
func parseRefs(refs []string) (uids []uint32, invalid []string) {
	for _, ref := range refs {
		if uid, ok := parseRef(ref); ok {
			uids = append(uids, uid)
		} else {
			invalid = append(invalid, ref)
		}
	}
	slices.Sort(uids)
	slices.Sort(invalid)
	return slices.Compact(uids), slices.Compact(invalid)
}

// parseRef inverts refOf.
func parseRef(ref string) (uid uint32, ok bool) {
	n, err := strconv.ParseUint(ref, 10, 32)
	return uint32(n), err == nil && n > 0 && ref[0] != '0' && ref[0] != '+'
}

func errRef() error { return endpoint.Errorf(endpoint.Invalid, "a reference that is no UID") }

// intersection returns those of uids, in ascending order, that are among others.
func intersection(uids, others []uint32) []uint32 {
	others = slices.Sorted(slices.Values(others))
	var out []uint32
	for _, uid := range uids {
		if _, found := slices.BinarySearch(others, uid); found {
			out = append(out, uid)
		}
	}
	return out
}
