package memstore

import (
	"maps"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// pair is what is committed for one pair. The lock of its store guards it.
type pair struct {
	meta      store.Meta
	records   map[recordKey]store.Record
	folders   map[folderKey]store.Folder
	sightings map[string]map[string]watermark.ID // by folder and Ref
	passes    map[uint64]store.Pass
	lastPass  uint64 // the highest number that a pass ever had

	holder *ledger // who has the pair open, or nil
}

type recordKey struct {
	folder string
	id     watermark.ID
}

type folderKey struct {
	side store.Side
	name string
}

func newPair() *pair {
	return &pair{
		meta:      store.Meta{Generation: 1},
		records:   map[recordKey]store.Record{},
		folders:   map[folderKey]store.Folder{},
		sightings: map[string]map[string]watermark.ID{},
		passes:    map[uint64]store.Pass{},
	}
}

// clone copies p, without its holder. Stored byte slices are never changed, so they are shared.
func (p *pair) clone() *pair {
	c := &pair{
		meta:      p.meta,
		records:   maps.Clone(p.records),
		folders:   maps.Clone(p.folders),
		sightings: map[string]map[string]watermark.ID{},
		passes:    maps.Clone(p.passes),
		lastPass:  p.lastPass,
	}
	for folder, refs := range p.sightings {
		c.sightings[folder] = maps.Clone(refs)
	}
	return c
}

// apply takes away what a batch deletes, then adds what it holds, so that one batch can replace
// everything that is known of a folder.
func (p *pair) apply(b store.Batch) {
	p.remove(b)
	if b.Meta != nil {
		p.meta = cloneMeta(*b.Meta)
	}
	for _, r := range b.Records {
		r.Received, r.At = toSecond(r.Received), toSecond(r.At)
		p.records[recordKey{r.Folder, r.ID}] = r
	}
	for _, f := range b.Folders {
		p.folders[folderKey{f.Side, f.Name}] = f
	}
	for _, s := range b.Sightings {
		if p.sightings[s.Folder] == nil {
			p.sightings[s.Folder] = map[string]watermark.ID{}
		}
		p.sightings[s.Folder][s.Ref] = s.ID
	}
	if b.Pass != nil {
		p.addPass(clonePass(*b.Pass))
	}
}

func (p *pair) remove(b store.Batch) {
	for _, r := range b.Forget {
		delete(p.records, recordKey{r.Folder, r.ID})
	}
	for _, f := range b.Unscan {
		delete(p.folders, folderKey{f.Side, f.Name})
		if f.Side == store.Destination {
			delete(p.sightings, f.Name)
		}
	}
	for _, s := range b.Unsee {
		delete(p.sightings[s.Folder], s.Ref)
	}
}

func (p *pair) addPass(pass store.Pass) {
	if pass.Number == 0 {
		pass.Number = p.lastPass + 1
	}
	p.lastPass = max(p.lastPass, pass.Number)
	p.passes[pass.Number] = pass
}

// reset forgets the records that filter selects, and every scan position with its sightings.
func (p *pair) reset(filter store.Filter, dry bool) store.Forgotten {
	var forgotten store.Forgotten
	present := p.present()
	for key, r := range p.records {
		if !filter.Matches(r, present(r.ID)) {
			continue
		}
		forgotten.Count(r, present(r.ID))
		if !dry {
			delete(p.records, key)
		}
	}
	if !dry {
		clear(p.folders)
		clear(p.sightings)
	}
	return forgotten
}

// present tells which IDs the last scan of the destination found. As long as there was none since
// the last reset, nothing is known to be missing.
func (p *pair) present() func(watermark.ID) bool {
	scanned := len(p.sightings) > 0
	for key := range p.folders {
		scanned = scanned || key.side == store.Destination
	}
	seen := map[watermark.ID]bool{}
	for _, refs := range p.sightings {
		for _, id := range refs {
			seen[id] = true
		}
	}
	return func(id watermark.ID) bool { return !scanned || seen[id] }
}

func (p *pair) stats() []store.Stat {
	counts := map[store.Stat]int{}
	for _, r := range p.records {
		counts[store.Stat{Types: r.Types, Generation: r.Generation, Status: r.Status}]++
	}
	var all []store.Stat
	for stat, n := range counts {
		stat.Records = n
		all = append(all, stat)
	}
	return all
}

func cloneMeta(m store.Meta) store.Meta {
	m.Profile = slices.Clone(m.Profile)
	return m
}

func clonePass(pass store.Pass) store.Pass {
	pass.Report = slices.Clone(pass.Report)
	return pass
}

// toSecond drops what a ledger does not keep of a time: fractions and the zone.
func toSecond(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(t.Unix(), 0).UTC()
}
