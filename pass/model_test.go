package pass_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// model is what the promise of this library means for one pair, and nothing of how it is kept: it
// knows no window, no scan position, no phase and no wire. From the two mailboxes as they are, it
// says what the next pass has to do.
type model struct {
	pair, reverse string
	keys          []watermark.Key // newest first
	types         watermark.Types // of the endpoints as they are now
	lastTypes     watermark.Types // of the last complete pass
	generation    uint32
	rebuilding    bool // a rebuild of this generation was cut
	completed     bool // some pass was complete
	cut           bool // the last one was not
	records       map[slot]memory
	entered       map[string]bool // folders of the source that some pass went through to the end
	names         map[watermark.ID]slot
	read          map[watermark.Mark]origin
}

// origin is the pair and the generation for which a mark was made, if one of the keys made it.
type origin struct {
	pair       string
	generation uint32
}

// slot is what an item is known by: never by a reference, a subject or a date.
type slot struct {
	types      watermark.Types
	generation uint32
	folder     string
	kind       endpoint.Kind
	identity   string
	ordinal    int
}

// memory is what the database knows of a slot.
type memory struct {
	status        store.Status
	validity, ref string
}

// sourceFolder is a folder of the source as its driver lists it, with what is in it.
type sourceFolder struct {
	endpoint.Folder
	items []sourceItem
}

type sourceItem struct {
	endpoint.Item
	body  []byte
	flags []endpoint.Flag
}

// target is the destination before a pass.
type target struct {
	marks    []watermark.Reading // of each item
	folders  map[string]bool
	readOnly map[string]bool
	kinds    []endpoint.Kind // nil means all
	maxItem  int64
	whole    bool // it has no states, so that all of it is looked at
}

// prediction is what a pass has to do, and what is remembered afterwards.
type prediction struct {
	kind       string
	totals     pass.Counts
	folders    map[string]pass.Counts // by path at the source
	arrivals   []arrival
	made       []string // folders that are at the destination afterwards
	generation uint32
	records    map[slot]memory
	mostVoided int // Voided lies between that of the totals and this
	rebuilding bool
	refused    error // the pass does nothing, and says why
	nothing    bool  // the pass does nothing
	// counted says that Duplicates are known to the unit: all of the destination is looked at.
	counted bool
	// tooLarge is the part of Duplicates that a plan counts, and that then fails.
	tooLarge         int
	checked, missing int // by a Verify
	mended           map[slot]bool
}

// arrival is an item that comes to the destination.
type arrival struct {
	slot   slot
	folder string
	item   sourceItem
}

func newModel(pair, reverse string, key watermark.Key) *model {
	m := &model{pair: pair, reverse: reverse, keys: []watermark.Key{key}, names: map[watermark.ID]slot{}, read: map[watermark.Mark]origin{}}
	m.forget()
	return m
}

// forget is the loss of the database.
func (m *model) forget() {
	m.lastTypes, m.generation, m.completed, m.cut, m.rebuilding = watermark.Types{}, 1, false, false, false
	m.records, m.entered = map[slot]memory{}, map[string]bool{}
}

// predict says what a pass with options o does. It changes nothing but names.
func (m *model) predict(source []sourceFolder, t target, o pass.Options) *prediction {
	o = absolute(o)
	p := &prediction{
		kind: m.kind(o.Kind), folders: map[string]pass.Counts{}, records: maps.Clone(m.records),
		generation: m.generation, rebuilding: m.rebuilding, mended: map[slot]bool{},
		made: slices.Collect(maps.Keys(t.folders)),
	}
	p.refused, p.nothing = m.refuses(source, o)
	if p.refused != nil || p.nothing {
		return p
	}
	now := *m
	now.generation, p.rebuilding = m.next(t, o)
	p.generation = now.generation
	there := now.there(t)
	p.counted = o.FullScan || o.Kind == pass.Rebuild || o.Kind == pass.Verify || m.rebuilding || t.whole
	for _, f := range source {
		var c pass.Counts
		if !takesFolder(o.Select, f.Folder) {
			c = pass.Counts{Listed: len(f.items), Filtered: len(f.items)}
		} else {
			c = now.folder(p, f, t, o, there)
		}
		p.folders[strings.Join(f.Path, "/")] = c
		p.totals = sum(p.totals, c)
	}
	now.lost(p, source, o, there)
	if o.Kind == pass.Rebuild || p.totals.Filtered == 0 && o.Kind <= pass.Resume {
		p.rebuilding = false
	}
	if m.lastTypes != m.types {
		for s, r := range m.records {
			if s.types != m.types && r.status == store.Settled {
				p.totals.Voided++
			}
		}
		p.mostVoided = max(p.totals.Voided, there.void)
	}
	return p
}

// absolute gives a PreStage the selection that it stands for.
func absolute(o pass.Options) pass.Options {
	if o.Kind == pass.PreStage {
		o.Select.Kinds, o.Select.Since = []endpoint.Kind{endpoint.Mail}, time.Time{}
		if o.Select.Before = o.PreStage.Before; o.PreStage.Age > 0 {
			o.Select.Before = time.Now().Add(-o.PreStage.Age)
		}
	}
	return o
}

// refuses says whether a pass has nothing to do because of what was before it, or of what it was
// asked for.
func (m *model) refuses(source []sourceFolder, o pass.Options) (refused error, nothing bool) {
	for _, name := range slices.Concat(o.Select.Include, o.Select.Exclude) {
		if !slices.ContainsFunc(source, func(f sourceFolder) bool { return beneath(f.Path, name) }) {
			return pass.ErrInvalid, false
		}
	}
	cut := m.cut || m.count(store.Intent) > 0
	switch {
	case o.Kind == pass.RetryFailed && (cut || m.count(store.Failed) == 0):
		return pass.ErrNothingFailed, false
	case o.Kind == pass.Resume && m.passed() && !cut:
		return nil, true
	}
	return nil, false
}

// passed reports whether there was a pass.
func (m *model) passed() bool { return m.completed || m.cut }

// next is the generation of a pass, and whether it is that of a rebuild which did not end yet.
func (m *model) next(t target, o pass.Options) (generation uint32, rebuilding bool) {
	generation = m.generation
	for _, r := range t.marks {
		generation = max(generation, m.newest(r))
	}
	if o.Kind == pass.Rebuild && !m.rebuilding {
		generation++
	}
	return generation, o.Kind == pass.Rebuild || m.rebuilding && generation == m.generation
}

// count counts the records that are not void.
func (m *model) count(status store.Status) (n int) {
	for s, r := range m.records {
		if r.status == status && s.types == m.types && s.generation == m.generation {
			n++
		}
	}
	return n
}

// kind is the name of a pass: Auto is the first until one was complete.
func (m *model) kind(k pass.Kind) string {
	switch {
	case k != pass.Auto:
		return k.String()
	case m.completed:
		return pass.Delta.String()
	}
	return pass.Full.String()
}

// takesFolder says whether a folder is selected. The patterns of the histories are names of folders.
func takesFolder(s pass.Selection, f endpoint.Folder) bool {
	named := func(name pass.Pattern) bool { return beneath(f.Path, name) }
	return (len(s.Include) == 0 || slices.ContainsFunc(s.Include, named)) && !slices.ContainsFunc(s.Exclude, named) &&
		!slices.Contains(s.NotRoles, f.Role) && (s.Folder == nil || s.Folder(f))
}

func beneath(path []string, name pass.Pattern) bool { return path[0] == string(name) }

// folder is the table of decisions of DESIGN §6, item by item.
func (m *model) folder(p *prediction, f sourceFolder, t target, o pass.Options, there there) pass.Counts {
	w := &walk{model: m, p: p, f: f, t: t, o: o, there: there}
	slots := m.assign(f, there.present)
	for i, s := range slots {
		switch status := m.records[s].status; {
		case o.Kind == pass.Verify && status == store.Settled:
			w.verify(s, &f.items[i])
		case o.Kind == pass.Verify, o.Kind == pass.RetryFailed && status != store.Failed:
		default:
			w.decide(s, f.items[i])
		}
	}
	w.gone(store.FolderKey(f.Path), slots)
	if o.Kind == pass.Trial {
		w.limit()
	}
	path := f.Path
	if o.MapFolder != nil {
		path = o.MapFolder(f.Folder, f.Path)
	}
	for _, d := range w.work {
		w.write(d, store.FolderKey(path))
	}
	partial := o.Kind == pass.Verify || o.Kind == pass.RetryFailed
	if len(w.work) > 0 || !partial && !m.entered[store.FolderKey(f.Path)] {
		for n := range path {
			p.made = append(p.made, store.FolderKey(path[:n+1]))
		}
	}
	return w.c
}

// lost counts what a pass says of folders that the source has no more.
func (m *model) lost(p *prediction, source []sourceFolder, o pass.Options, there there) {
	names := map[string]bool{}
	for s := range m.records {
		names[s.folder] = true
	}
	for _, f := range source {
		delete(names, store.FolderKey(f.Path))
	}
	for name := range names {
		w := &walk{model: m, p: p, o: o, there: there}
		if w.gone(name, nil); w.c != (pass.Counts{}) {
			p.folders[strings.Join(store.FolderPath(name), "/")] = w.c
			p.totals = sum(p.totals, w.c)
		}
	}
}

// walk goes through one folder of the source.
type walk struct {
	*model
	p     *prediction
	f     sourceFolder
	t     target
	o     pass.Options
	there there
	c     pass.Counts
	work  []decision
}

// decision is an item that is to be written.
type decision struct {
	slot   slot
	item   sourceItem
	repair bool
}

func (w *walk) decide(s slot, it sourceItem) {
	c := &w.c
	r, known := w.records[s]
	status, present := r.status, w.there.present[s]
	c.Listed++
	switch {
	case !selected(it.Item, w.o.Select):
		c.Filtered++
		undated := w.o.Select
		undated.Since, undated.Before = time.Time{}, time.Time{}
		if selected(it.Item, undated) {
			c.OutOfWindow++
		}
	case status == store.Settled && present:
		c.Already++
	case status == store.Settled:
		c.RemovedAtDestination++
	case status == store.Intent && present:
		c.Migrated, c.Recovered, c.Bytes = c.Migrated+1, c.Recovered+1, c.Bytes+it.Size
		status = store.Settled
	case present:
		c.Already, c.Healed = c.Already+1, c.Healed+1
		status = store.Settled
	case !w.o.SendBack && (status == store.Originated || w.cameFromHere(it.Marks)):
		c.OriginatedHere++
		status = store.Originated
	case w.t.kinds != nil && !slices.Contains(w.t.kinds, it.Kind):
		c.Unsupported++
	default:
		w.work = append(w.work, decision{slot: s, item: it})
	}
	if known || status != 0 {
		w.p.records[s] = memory{status, w.f.Validity, it.Ref}
	}
}

// verify looks whether an item is still at the destination. One that is gone from the source is nil.
func (w *walk) verify(s slot, it *sourceItem) {
	w.c.Listed++
	w.p.checked++
	if w.there.present[s] {
		w.c.Already++
		return
	}
	w.p.missing++
	unsupported := it != nil && w.t.kinds != nil && !slices.Contains(w.t.kinds, it.Kind)
	if it == nil || unsupported || w.o.Verify.Repair == pass.RepairNone {
		w.c.RemovedAtDestination++
		return
	}
	w.p.mended[s] = true
	w.work = append(w.work, decision{s, *it, true})
}

// gone deals with what was in a folder, but for the items that are there.
func (w *walk) gone(folder string, there []slot) {
	for s, r := range w.records {
		if s.folder != folder || s.types != w.types || s.generation != w.generation || slices.Contains(there, s) {
			continue
		}
		switch {
		case w.o.Kind == pass.RetryFailed && r.status == store.Failed:
			w.c.Listed++
			w.c.Vanished++
			delete(w.p.records, s)
		case w.o.Kind == pass.Verify && r.status == store.Settled:
			w.verify(s, nil)
		}
	}
}

// limit leaves those of the items that a trial takes: the newest ones of those that are small enough.
func (w *walk) limit() {
	room := w.o.Trial.Items - w.c.Already - w.c.Migrated - w.c.RemovedAtDestination
	slices.Reverse(w.work)
	w.work = slices.DeleteFunc(w.work, func(d decision) bool {
		if room > 0 && d.item.Size <= w.o.Trial.MaxSize {
			room--
			return false
		}
		w.c.Filtered++
		return true
	})
}

// write says what becomes of an item that is to be written to a folder.
func (w *walk) write(d decision, to string) {
	it, c := d.item, &w.c
	r := w.records[d.slot]
	unknown := r.ref != it.Ref || r.validity != w.f.Validity
	double := unknown && !d.repair && w.there.older[d.slot.nameless()]
	status := w.t.takes(it, to)
	if status == store.Failed {
		c.Failed++
		if double {
			w.p.tooLarge++
		}
	} else {
		c.Migrated, c.Bytes = c.Migrated+1, c.Bytes+it.Size
		if double {
			c.Duplicates++
		}
		w.p.arrivals = append(w.p.arrivals, arrival{d.slot, to, it})
	}
	w.p.records[d.slot] = memory{status, w.f.Validity, it.Ref}
}

// nameless is what an item is known by in any generation.
func (s slot) nameless() slot {
	s.generation = 0
	return s
}

// takes says what becomes of an item that is written.
func (t target) takes(it sourceItem, folder string) store.Status {
	const markRoom = 128
	if t.readOnly[folder] || t.maxItem > 0 && it.Size+markRoom > t.maxItem {
		return store.Failed
	}
	return store.Settled
}

func selected(it endpoint.Item, s pass.Selection) bool {
	return (s.Kinds == nil || slices.Contains(s.Kinds, it.Kind)) &&
		(s.MaxSize == 0 || it.Size <= s.MaxSize) &&
		(s.Since.IsZero() || !it.Received.Before(s.Since)) &&
		(s.Before.IsZero() || it.Received.Before(s.Before))
}

// assign gives every item of a folder its slot. One that is remembered by its reference keeps it.
// The others are matched by identity and in their order; but where fewer of them are there than
// slots, those slots stay empty that nothing was migrated from.
func (m *model) assign(f sourceFolder, present map[slot]bool) []slot {
	slots := make([]slot, len(f.items))
	twins := map[slot][]int{} // items that are not known by reference, by their first slot
	for i, it := range f.items {
		first := slot{m.types, m.generation, store.FolderKey(f.Path), it.Kind, it.Identity, 0}
		if s, ok := m.byRef(first, f.Validity, it.Ref); ok {
			slots[i] = s
		} else {
			twins[first] = append(twins[first], i)
		}
	}
	for first, items := range twins {
		free := m.free(first, f.Validity, len(items), present)
		for i, item := range items {
			slots[item] = free[i]
		}
	}
	for _, s := range slots {
		m.name(s)
	}
	return slots
}

// byRef finds the slot that an item was given before.
func (m *model) byRef(like slot, validity, ref string) (slot, bool) {
	for s, r := range m.records {
		if r.validity == validity && r.ref == ref && s.folder == like.folder && s.types == like.types && s.generation == like.generation {
			return s, true
		}
	}
	return slot{}, false
}

// free returns n slots that may be those of items without a known reference. A slot whose
// reference is valid is that of another item, even if that is gone.
func (m *model) free(s slot, validity string, n int, present map[slot]bool) []slot {
	const far = 64 // more twins than any history has
	var all []slot
	taken, last := map[slot]bool{}, 0
	for ; s.ordinal < far; s.ordinal++ {
		r, known := m.records[s]
		if known && r.validity == validity {
			continue
		}
		all = append(all, s)
		if taken[s] = present[s] || r.status == store.Settled || r.status == store.Originated; taken[s] {
			last = len(all)
		}
	}
	all = all[:max(n, last)]
	for i := 0; len(all) > n && i < len(all); {
		if taken[all[i]] {
			i++
		} else {
			all = slices.Delete(all, i, i+1)
		}
	}
	return all[:n]
}

// name registers the IDs that a slot has in marks.
func (m *model) name(s slot) {
	for _, k := range m.keys {
		m.names[k.ItemID(watermark.Item{
			Types: s.types, Pair: m.pair, Generation: s.generation, Kind: s.kind.String(),
			Folder: store.FolderPath(s.folder), Identity: s.identity, Ordinal: s.ordinal,
		})] = s
	}
}

// ours returns the generation of a mark, or 0 if it was not made for this pair.
func (m *model) ours(mark watermark.Mark, pair string) uint32 {
	made, known := m.read[mark]
	if !known {
		for _, k := range m.keys {
			for _, pair := range []string{m.pair, m.reverse} {
				if mark.Pair != k.Tag(pair) {
					continue
				}
				if generation, ok := k.Verify(mark, m.generation); ok {
					made = origin{pair, generation}
				}
			}
		}
		m.read[mark] = made
	}
	if made.pair != pair {
		return 0
	}
	return made.generation
}

// newest is the highest generation that marks of these types show.
func (m *model) newest(r watermark.Reading) (generation uint32) {
	for _, mark := range r.Marks {
		if mark.Types == m.types {
			generation = max(generation, m.ours(mark, m.pair))
		}
	}
	return generation
}

// there is what marks say of the destination.
type there struct {
	present map[slot]bool
	void    int           // marks that count no more
	older   map[slot]bool // nameless slots of items that are there under an older generation
}

// there says what the marks of the destination mean. Of several marks on one item, the first that
// was made for this pair counts.
func (m *model) there(t target) there {
	there := there{present: map[slot]bool{}, older: map[slot]bool{}}
	voided := map[watermark.ID]bool{}
	for _, r := range t.marks {
		for _, mark := range r.Marks {
			generation := m.ours(mark, m.pair)
			if generation == 0 {
				continue
			}
			s, known := m.names[mark.Item]
			switch {
			case mark.Types == m.types && generation >= m.generation:
				if known {
					there.present[s] = true
				}
			case mark.Types == m.types && known:
				there.older[s.nameless()] = true
				fallthrough
			default:
				voided[mark.Item] = true
			}
			break
		}
	}
	there.void = len(voided)
	return there
}

func (m *model) cameFromHere(r watermark.Reading) bool {
	return slices.ContainsFunc(r.Marks, func(mark watermark.Mark) bool { return m.ours(mark, m.reverse) > 0 })
}

// done makes what a pass was predicted to do the past.
func (m *model) done(p *prediction, o pass.Options, source []sourceFolder) {
	if p.nothing {
		return
	}
	m.records, m.generation, m.lastTypes, m.completed, m.cut = p.records, p.generation, m.types, true, false
	m.rebuilding = p.rebuilding
	for _, f := range source {
		if takesFolder(o.Select, f.Folder) && o.Kind != pass.Verify && o.Kind != pass.RetryFailed {
			m.entered[store.FolderKey(f.Path)] = true
		}
	}
}

func sum(a, b pass.Counts) pass.Counts {
	return pass.Counts{
		Listed: a.Listed + b.Listed, Migrated: a.Migrated + b.Migrated, Already: a.Already + b.Already,
		RemovedAtDestination: a.RemovedAtDestination + b.RemovedAtDestination,
		OriginatedHere:       a.OriginatedHere + b.OriginatedHere, Filtered: a.Filtered + b.Filtered,
		Unsupported: a.Unsupported + b.Unsupported, Failed: a.Failed + b.Failed,
		Healed: a.Healed + b.Healed, Recovered: a.Recovered + b.Recovered, Voided: a.Voided + b.Voided,
		Bytes: a.Bytes + b.Bytes, OutOfWindow: a.OutOfWindow + b.OutOfWindow,
		Vanished: a.Vanished + b.Vanished, Duplicates: a.Duplicates + b.Duplicates,
	}
}

// String names a slot in a failing test.
func (s slot) String() string {
	return fmt.Sprintf("%s→%s/%d %s %s %.8s #%d", s.types.Source, s.types.Destination, s.generation, s.folder, s.kind, s.identity, s.ordinal)
}

// day is a day of the month in which all mail of the histories came.
func day(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
