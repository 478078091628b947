package imapendpoint

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// SetFlags adds and removes flags (UID STORE, RFC 9051 section 6.4.6), with one command for all
// messages of a page that change alike. A flag that is to be added and removed is added. What the
// folder does not keep, and what is neither a system flag nor a keyword, is passed over.
//
// No message may be named twice.
func (d *driver) SetFlags(ctx context.Context, f endpoint.Folder, changes []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
	return func(yield func(endpoint.Result, error) bool) {
		refs := make([]string, len(changes))
		byRef := make(map[string]endpoint.FlagChange, len(changes))
		for i, c := range changes {
			refs[i], byRef[c.Ref] = c.Ref, c
		}
		if len(byRef) < len(changes) {
			yield(endpoint.Result{}, endpoint.Errorf(endpoint.Invalid, "two changes of flags are for one message"))
			return
		}
		d.change(ctx, f, refs, func(s *session, sel *selected, uids []uint32) (map[uint32]error, error) {
			return s.storeAll(ctx, sel, uids, byRef)
		})(yield)
	}
}

// storeAll makes the changes of some messages of the open folder.
func (s *session) storeAll(ctx context.Context, sel *selected, uids []uint32, changes map[string]endpoint.FlagChange) (map[uint32]error, error) {
	refused := make(map[uint32]error)
	for _, g := range groupStores(sel, uids, changes) {
		alone, err := s.halving(g.uids, func(uids []uint32) error {
			if err := s.store(ctx, uids, "-", g.remove); err != nil {
				return err
			}
			return s.store(ctx, uids, "+", g.add)
		})
		if err != nil {
			return nil, err
		}
		maps.Copy(refused, alone)
	}
	return refused, nil
}

// storeGroup is messages that change alike.
type storeGroup struct {
	uids        []uint32
	add, remove []string
}

// groupStores groups messages by what the folder lets become of their flags. Those of which nothing
// is left to do are in no group.
func groupStores(sel *selected, uids []uint32, changes map[string]endpoint.FlagChange) []*storeGroup {
	var groups []*storeGroup
	byChange := make(map[string]*storeGroup)
	for _, uid := range uids {
		change := changes[refOf(uid)]
		add, _ := sel.settable(change.Add)
		remove, _ := sel.settable(change.Remove)
		slices.Sort(add)
		slices.Sort(remove)
		remove = slices.DeleteFunc(remove, func(flag string) bool { return slices.Contains(add, flag) })
		if len(add)+len(remove) == 0 {
			continue
		}
		key := strings.Join(add, " ") + "-" + strings.Join(remove, " ")
		if byChange[key] == nil {
			byChange[key] = &storeGroup{add: add, remove: remove}
			groups = append(groups, byChange[key])
		}
		byChange[key].uids = append(byChange[key].uids, uid)
	}
	return groups
}

// store adds (+) or removes (-) flags, all of which are system flags or atoms. Where the server
// refuses them together, each is tried alone, and a keyword that is still refused is one that the
// folder does not keep: servers have limits that they tell in no PERMANENTFLAGS.
func (s *session) store(ctx context.Context, uids []uint32, sign string, flags []string) error {
	if len(flags) == 0 {
		return nil
	}
	line := "UID STORE " + setText(uids) + " " + sign + "FLAGS.SILENT ("
	err := s.command(ctx, line+strings.Join(flags, " ")+")", nil)
	hasKeyword := slices.ContainsFunc(flags, func(flag string) bool { return flag[0] != '\\' })
	if err == nil || !s.alive() || !ofMessage(err) || !hasKeyword {
		return err
	}
	for _, flag := range flags {
		err := s.command(ctx, line+flag+")", nil)
		if err != nil && (!s.alive() || !ofMessage(err) || flag[0] == '\\') {
			return err
		}
	}
	return nil
}
