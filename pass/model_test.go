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
	completed     bool // some pass was complete
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
	m.lastTypes, m.generation, m.completed = watermark.Types{}, 1, false
	m.records, m.entered = map[slot]memory{}, map[string]bool{}
}

// predict says what a pass with options o does. It changes nothing but names.
func (m *model) predict(source []sourceFolder, t target, o pass.Options) *prediction {
	now := *m
	for _, r := range t.marks {
		now.generation = max(now.generation, m.newest(r))
	}
	present, void := now.present(t)
	p := &prediction{
		kind:    m.kind(o.Kind),
		folders: map[string]pass.Counts{}, records: maps.Clone(m.records), generation: now.generation,
		made: slices.Collect(maps.Keys(t.folders)),
	}
	for _, f := range source {
		var c pass.Counts
		if o.Select.Folder != nil && !o.Select.Folder(f.Folder) {
			c = pass.Counts{Listed: len(f.items), Filtered: len(f.items)}
		} else {
			c = now.folder(p, f, t, o, present)
		}
		p.folders[strings.Join(f.Path, "/")] = c
		p.totals = sum(p.totals, c)
	}
	if m.lastTypes != m.types {
		for s, r := range m.records {
			if s.types != m.types && r.status == store.Settled {
				p.totals.Voided++
			}
		}
		p.mostVoided = max(p.totals.Voided, void)
	}
	return p
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

// folder is the table of decisions of DESIGN §6, item by item.
func (m *model) folder(p *prediction, f sourceFolder, t target, o pass.Options, present map[slot]bool) pass.Counts {
	path := f.Path
	if o.MapFolder != nil {
		path = o.MapFolder(f.Folder, f.Path)
	}
	to := store.FolderKey(path)
	var c pass.Counts
	work := false
	for i, s := range m.assign(f, present) {
		it := f.items[i]
		r, known := m.records[s]
		status := r.status
		c.Listed++
		switch {
		case !selected(it.Item, o.Select):
			c.Filtered++
		case status == store.Settled && present[s]:
			c.Already++
		case status == store.Settled:
			c.RemovedAtDestination++
		case status == store.Intent && present[s]:
			c.Migrated, c.Recovered, c.Bytes = c.Migrated+1, c.Recovered+1, c.Bytes+it.Size
			status = store.Settled
		case present[s]:
			c.Already, c.Healed = c.Already+1, c.Healed+1
			status = store.Settled
		case !o.SendBack && (status == store.Originated || m.cameFromHere(it.Marks)):
			c.OriginatedHere++
			status = store.Originated
		case t.kinds != nil && !slices.Contains(t.kinds, it.Kind):
			c.Unsupported++
		default:
			work = true
			if status = t.takes(it, to); status == store.Failed {
				c.Failed++
				break
			}
			c.Migrated, c.Bytes = c.Migrated+1, c.Bytes+it.Size
			p.arrivals = append(p.arrivals, arrival{s, to, it})
		}
		if known || status != 0 {
			p.records[s] = memory{status, f.Validity, it.Ref}
		}
	}
	if work || !m.entered[store.FolderKey(f.Path)] {
		for n := range path {
			p.made = append(p.made, store.FolderKey(path[:n+1]))
		}
	}
	return c
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

// present returns the slots whose marks are at the destination, and how many marks count no more.
// Of several marks on one item, the first that was made for this pair counts.
func (m *model) present(t target) (present map[slot]bool, void int) {
	present = map[slot]bool{}
	voided := map[watermark.ID]bool{}
	for _, r := range t.marks {
		for _, mark := range r.Marks {
			generation := m.ours(mark, m.pair)
			if generation == 0 {
				continue
			}
			if mark.Types != m.types || generation < m.generation {
				voided[mark.Item] = true
			} else if s, known := m.names[mark.Item]; known {
				present[s] = true
			}
			break
		}
	}
	return present, len(voided)
}

func (m *model) cameFromHere(r watermark.Reading) bool {
	return slices.ContainsFunc(r.Marks, func(mark watermark.Mark) bool { return m.ours(mark, m.reverse) > 0 })
}

// done makes what a pass was predicted to do the past.
func (m *model) done(p *prediction, o pass.Options, source []sourceFolder) {
	m.records, m.generation, m.lastTypes, m.completed = p.records, p.generation, m.types, true
	for _, f := range source {
		if o.Select.Folder == nil || o.Select.Folder(f.Folder) {
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
		Bytes: a.Bytes + b.Bytes,
	}
}

// String names a slot in a failing test.
func (s slot) String() string {
	return fmt.Sprintf("%s→%s/%d %s %s %.8s #%d", s.types.Source, s.types.Destination, s.generation, s.folder, s.kind, s.identity, s.ordinal)
}

// day is a day of the month in which all mail of the histories came.
func day(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
