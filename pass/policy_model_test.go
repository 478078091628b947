package pass_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// policyModel is what the policies mean for one pair of mailboxes in which every item has a name of
// its own. It knows what happened to each copy at the destination, because it is told by the users,
// and says what the next pass has to do to it.
type policyModel struct {
	known map[named]*knowledge
	held  map[string]*held // what the destination holds, by folder and reference
	bin   bool             // the destination has a trash
}

// named is an item of the source: its name, the folder that it is in, and its reference there. One
// that comes back is a new item.
type named struct{ folder, name, ref string }

// knowledge is what earlier passes made of an item.
type knowledge struct {
	kind    endpoint.Kind
	adopted bool
	removed bool   // by us
	binned  bool   // by us, at least once
	sent    string // its bytes when they were written last
	flags   string // its flags at the source when they were carried over last
}

// held is an item at the destination.
type held struct {
	of          named // zero if it is the user's own
	name        string
	kind        endpoint.Kind
	folder, ref string
	text, flags string
	written     string // its text as we wrote it
}

// sourceState is what the source holds, by folder.
type sourceState map[string]map[named]memendpoint.Stored

// forecast is what a pass has to do.
type forecast struct {
	counts pass.Counts
	adds   []addition
	drops  []*held // that go to the trash, or for good
	marks  []*held // whose flags change, with those that they have afterwards
	next   map[named]*knowledge
}

// addition is an item that is written.
type addition struct {
	of    named
	kind  endpoint.Kind
	text  string
	flags string
}

// forecaster looks at one pass.
type forecaster struct {
	*policyModel
	forecast
	source   sourceState
	order    []string // folders of the source, and then those that are no more
	policies pass.Policies
	share    float64
	folders  map[string]*pass.Counts
	gone     map[string][]named
	follows  map[named]bool // what newcomers were before
}

const binName = "Trash"

// copies are those of an item, outside the trash or in it.
func (m *policyModel) copies(of named, binned bool) []*held {
	var all []*held
	for _, h := range m.held {
		if h.of == of && (h.folder == binName) == binned {
			all = append(all, h)
		}
	}
	return all
}

// there reports whether an item is at the destination. What we put into its trash does not count.
func (m *policyModel) there(of named) bool {
	return len(m.copies(of, false)) > 0 || len(m.copies(of, true)) > 0 && !m.known[of].binned
}

// forecast says what a pass does.
func (m *policyModel) forecast(source sourceState, order []string, o pass.Options) *forecast {
	f := &forecaster{
		policyModel: m, source: source, policies: o.Policies, share: cmp.Or(o.MaxDeleteShare, 0.25),
		order: slices.Clone(order), folders: map[string]*pass.Counts{}, gone: map[string][]named{}, follows: map[named]bool{},
	}
	f.next = map[named]*knowledge{}
	for of, k := range m.known {
		copied := *k
		f.next[of] = &copied
	}
	f.findGone()
	for _, folder := range f.order {
		f.folders[folder] = &pass.Counts{}
		f.list(folder)
	}
	for _, folder := range f.order {
		f.remove(folder)
	}
	for _, c := range f.folders {
		f.total(*c)
	}
	return &f.forecast
}

func (f *forecaster) total(c pass.Counts) {
	t := &f.forecast.counts
	t.Listed, t.Migrated, t.Already = t.Listed+c.Listed, t.Migrated+c.Migrated, t.Already+c.Already
	t.RemovedAtDestination, t.Adopted, t.Updated = t.RemovedAtDestination+c.RemovedAtDestination, t.Adopted+c.Adopted, t.Updated+c.Updated
	t.Followed, t.Removed, t.HeldBack = t.Followed+c.Followed, t.Removed+c.Removed, t.HeldBack+c.HeldBack
	t.Merged, t.Conflicts = t.Merged+c.Merged, t.Conflicts+c.Conflicts
}

// findGone finds what was migrated and is not in its folder any more, also in folders that are gone.
func (f *forecaster) findGone() {
	lost := map[string]bool{}
	for of, k := range f.policyModel.known {
		if _, is := f.source[of.folder][of]; is {
			continue
		}
		if f.source[of.folder] == nil {
			lost[of.folder] = true
		}
		if !k.adopted && !k.removed {
			f.gone[of.folder] = append(f.gone[of.folder], of)
		}
	}
	for _, all := range f.gone { // the oldest first
		slices.SortFunc(all, func(a, b named) int {
			return cmp.Or(cmp.Compare(len(a.ref), len(b.ref)), cmp.Compare(a.ref, b.ref))
		})
	}
	f.order = append(f.order, slices.Sorted(maps.Keys(lost))...)
}

// list goes through the items of a folder.
func (f *forecaster) list(folder string) {
	c := f.folders[folder]
	for of, it := range f.source[folder] {
		k := f.policyModel.known[of]
		c.Listed++
		switch {
		case k == nil || k.removed:
			f.arrive(of, it, k)
		case k.adopted:
			c.Already, c.Adopted = c.Already+1, c.Adopted+1
		case f.there(of):
			c.Already++
			f.update(of, it)
			f.merge(of, it)
		default:
			c.RemovedAtDestination++
			f.merge(of, it)
		}
	}
}

// arrive is an item that is not at the destination, as far as we know.
func (f *forecaster) arrive(of named, it memendpoint.Stored, k *knowledge) {
	c, policy := f.folders[of.folder], f.policies[it.Kind]
	now := &knowledge{kind: it.Kind, sent: string(it.Body), flags: sortedFlags(it.Flags), binned: k != nil && k.binned}
	f.next[of] = now
	if k == nil && policy.Adopt == pass.AdoptByIdentity && f.alike(of, it.Kind) {
		c.Already, c.Adopted, now.adopted = c.Already+1, c.Adopted+1, true
		return
	}
	if policy.OnMove == pass.FollowMoved {
		f.follow(of.name)
	}
	c.Migrated++
	f.adds = append(f.adds, addition{of, it.Kind, string(it.Body), sortedFlags(it.Flags)})
}

// alike reports whether the user has such an item at the same place.
func (f *forecaster) alike(of named, kind endpoint.Kind) bool {
	for _, h := range f.held {
		if h.of == (named{}) && h.folder == of.folder && h.name == of.name && h.kind == kind {
			return true
		}
	}
	return false
}

// follow finds what an item was before it left its folder.
func (f *forecaster) follow(name string) {
	for _, folder := range f.order {
		for _, old := range f.gone[folder] {
			if old.name == name && !f.follows[old] && len(f.copies(old, false)) > 0 {
				f.follows[old] = true
				return
			}
		}
	}
}

// untouched returns the copy of an item if nobody touched it, or nil. One that is not there at all is
// no conflict.
func (f *forecaster) untouched(of named) (h *held, conflict bool) {
	all := f.copies(of, false)
	if len(all) == 0 {
		return nil, false
	}
	h = all[0]
	if h.folder != of.folder || h.text != h.written || systemOf(h.flags) != systemOf(f.policyModel.known[of].flags) {
		return nil, true
	}
	return h, false
}

func (f *forecaster) update(of named, it memendpoint.Stored) {
	k := f.next[of]
	if f.policies[it.Kind].OnUpdate != pass.ReplaceUpdated || k.sent == string(it.Body) {
		return
	}
	h, conflict := f.untouched(of)
	switch {
	case conflict:
		f.folders[of.folder].Conflicts++
	case h != nil:
		f.folders[of.folder].Updated++
		k.sent, k.flags, k.binned = string(it.Body), sortedFlags(it.Flags), k.binned || f.bin
		f.drops = append(f.drops, h)
		f.adds = append(f.adds, addition{of, it.Kind, k.sent, k.flags})
	}
}

func (f *forecaster) merge(of named, it memendpoint.Stored) {
	k, before, now := f.next[of], f.policyModel.known[of].flags, sortedFlags(it.Flags)
	if f.policies[it.Kind].OnFlags != pass.MergeFlags || before == now {
		return
	}
	k.flags = now
	for _, h := range f.copies(of, false) {
		f.folders[of.folder].Merged++
		if slices.Contains(f.drops, h) {
			continue // the new copy has them
		}
		flags := slices.DeleteFunc(strings.Fields(h.flags), func(flag string) bool {
			return hasFlag(before, flag) && !hasFlag(now, flag)
		})
		for flag := range strings.FieldsSeq(now) {
			if !hasFlag(before, flag) && !slices.Contains(flags, flag) {
				flags = append(flags, flag)
			}
		}
		slices.Sort(flags)
		changed := *h
		changed.flags = strings.Join(flags, " ")
		f.marks = append(f.marks, &changed)
	}
}

// remove deals with what is gone from a folder.
func (f *forecaster) remove(folder string) {
	c := f.folders[folder]
	var removed []named
	there := 0
	for _, of := range f.gone[folder] {
		switch {
		case f.follows[of]:
			f.takeAway(of, &c.Followed)
		case f.policies[f.next[of].kind].OnDelete == pass.RemoveDeleted:
			removed = append(removed, of)
			there += min(1, len(f.copies(of, false)))
		}
	}
	if there > 0 && float64(there) > f.share*float64(there+c.Already-c.Adopted) {
		c.HeldBack += there
		return
	}
	for _, of := range removed {
		f.takeAway(of, &c.Removed)
	}
}

func (f *forecaster) takeAway(of named, counted *int) {
	h, conflict := f.untouched(of)
	k := f.next[of]
	switch {
	case conflict:
		f.folders[of.folder].Conflicts++
	case h != nil:
		*counted++
		k.removed, k.binned = true, k.binned || f.bin
		f.drops = append(f.drops, h)
	case len(f.copies(of, true)) > 0:
		k.removed, k.binned = true, true
	}
}

func sortedFlags(flags []endpoint.Flag) string {
	var names []string
	for _, f := range flags {
		names = append(names, string(f))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func systemOf(flags string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(flags), func(f string) bool { return f[0] != '\\' }), " ")
}

func hasFlag(flags, flag string) bool { return slices.Contains(strings.Fields(flags), flag) }
