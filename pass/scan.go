package pass

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// scanner finds the marks at the destination.
type scanner struct {
	destination *endpoint.Mailbox
	to          *account
	ledger      store.Ledger
	mint        minter
	// crew is asked for after the folders were listed: how far away the destination is, its answers tell.
	crew func() *crew
	// persist writes what was found, and how far, into the ledger, so that the next scan looks
	// only at what changed.
	persist bool
	// locate notes where each mark is.
	locate bool
	// same says that the destination has the address of earlier passes, so that its states can be compared with
	// those of then.
	same bool
	// written are the items that this pass wrote, if they are looked for.
	written *idSet
	// skipsEmpty leaves out the folders of which their listing says that nothing is in them.
	skipsEmpty bool
}

// view is what a scan found.
type view struct {
	folders []endpoint.Folder
	trusted bool // nobody looked: what the ledger calls settled counts as present
	// fingerprint is that of the folders when they were listed: what is seen is what was there then, or
	// came later.
	fingerprint fingerprint

	loading sync.Mutex
	unread  []*endpoint.Folder // whose sightings, of what was there before, are still to be loaded
	ledger  store.Ledger       // from which
	// extends has the states, by the name of the folder, since which nothing left it, and what came was seen.
	extends map[string]string

	mu      sync.Mutex
	present idSet                    // items whose current mark is somewhere, with alive and trashed, and met
	written *idSet                   // those that this pass wrote, where they are looked for: with the same bits, once seen; or nil
	places  map[watermark.ID][]place // where these are; nil if that is not noted
	void    map[watermark.ID]uint32  // items with a mark of ours that counts no more, and its generation
	highest uint32                   // generation among the marks of this pair and these types
	sightedCounts
}

// sightedCounts are numbers of items and marks at the destination that are not this pair's.
type sightedCounts struct {
	others  int // items with a mark of ours of another pair, and none of this
	foreign int // items all of whose marks were made without our keys
	newer   int // marks of a newer version for this pair
}

// Where marks of one item are, by bits.
const (
	alive   uint8 = 1 << iota // in a folder that is not the trash
	trashed                   // in the trash
	met                       // of present alone, see view.meet
)

// place is where an item is at the destination.
type place struct {
	folder *endpoint.Folder
	ref    string
}

// loaders is how many folders are loaded at once: what takes the time is done by processors.
const loaders = 4

// load completes a view by what is remembered of the folders that nothing left. It comes before anybody
// asks for an item.
func (v *view) load(ctx context.Context) error {
	v.loading.Lock()
	defer v.loading.Unlock()
	if len(v.unread) == 0 {
		return nil
	}
	err := parallel(ctx, loaders, v.unread, v.loadFolder)
	if err == nil {
		v.unread = nil
	}
	return err
}

func (v *view) loadFolder(ctx context.Context, f *endpoint.Folder) error {
	some := make([]store.Sighting, 0, loadChunk)
	for known, err := range v.ledger.Sightings(ctx, store.FolderKey(f.Path)) {
		if err != nil {
			return err
		}
		if some = append(some, known); len(some) == loadChunk {
			v.addKnown(f, some...)
			some = some[:0]
		}
	}
	v.addKnown(f, some...)
	return nil
}

// loadChunk is how many sightings are entered at once, for those who load other folders wait meanwhile.
const loadChunk = 256

// loaded reports whether nothing is left to be loaded.
func (v *view) loaded() bool {
	v.loading.Lock()
	defer v.loading.Unlock()
	return len(v.unread) == 0
}

// leave notes that nothing left a folder since a state, so that what is remembered of it holds.
func (v *view) leave(f *endpoint.Folder, since string) {
	v.loading.Lock()
	defer v.loading.Unlock()
	v.unread = append(v.unread, f)
	if v.extends == nil {
		v.extends = map[string]string{}
	}
	v.extends[store.FolderKey(f.Path)] = since
}

// has reports whether the item is at the destination. Where we moved it to the trash ourselves,
// what is there does not count.
func (v *view) has(id watermark.ID, weTrashed bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := v.present.get(id) | v.written.get(id)
	if weTrashed {
		return seen&alive != 0
	}
	return seen&(alive|trashed) != 0
}

// meet notes that an item which was at the destination before this pass was found on the other side, too, and
// reports whether there is such an item.
func (v *view) meet(id watermark.ID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.present.mark(id, met)
}

// met reports whether meet was told of an item.
func (v *view) met(id watermark.ID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.present.get(id)&met != 0
}

// alive returns where an item is, but for the trash.
func (v *view) alive(id watermark.ID) []place {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(v.places[id]), func(p place) bool { return p.folder.Role == endpoint.Trash })
}

// copies returns where the item of a record is. What we moved to the trash ourselves does not count.
func (v *view) copies(rec store.Record) []place {
	if rec.Trashed {
		return v.alive(rec.ID)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.places[rec.ID]
}

// found enters that an item is at a place.
func (v *view) found(id watermark.ID, at place) {
	where := alive
	if at.folder.Role == endpoint.Trash {
		where = trashed
	}
	if v.written.get(id) != 0 { // and takes no more room
		v.written.or(id, where)
	} else {
		v.present.or(id, where)
	}
	v.locate(id, at)
}

// locate enters a place where it is noted.
func (v *view) locate(id watermark.ID, at place) {
	if v.places != nil && !slices.Contains(v.places[id], at) {
		v.places[id] = append(v.places[id], at)
	}
}

// above reports whether marks of a generation above the given one were seen.
func (v *view) above(generation uint32) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.highest > generation
}

// scan looks at every folder: whole, or only at what changed since the stored positions. It
// returns a complete view, but for what is to be loaded, or an error.
func (s scanner) scan(ctx context.Context, whole bool) (*view, error) {
	v := &view{void: map[watermark.ID]uint32{}, ledger: s.ledger, written: s.written}
	v.written.clear(alive | trashed) // of an attempt that failed
	if s.locate {
		v.places = map[watermark.ID][]place{}
	}
	var err error
	if v.folders, err = gather(ctx, s.to, s.destination.Folders); err != nil {
		return nil, err
	}
	stored, err := positions(ctx, s.ledger, store.Destination)
	if err != nil {
		return nil, err
	}
	hands := s.crew()
	err = each(ctx, hands, pointers(v.folders), func(ctx context.Context, f *endpoint.Folder) error {
		since, position := "", stored[store.FolderKey(f.Path)]
		if !whole {
			since = s.mint.reached(position, *f)
		}
		since, err := s.to.learnState(ctx, s.destination, f, since, s.persist)
		if err != nil {
			return err
		}
		defer hands.did(max(f.Items, 0), 0)
		return s.scanFolder(ctx, v, f, since, position.Summary == allBefore)
	})
	if err != nil {
		return nil, err
	}
	v.fingerprint = fingerprintOf(v.folders)
	return v, s.forgetFolders(ctx, v, stored)
}

// scanFolder adds the marks of one folder to v: all of them, or what changed since an earlier
// state and what is remembered of the time before. Before says that all of that was there at the state.
func (s scanner) scanFolder(ctx context.Context, v *view, f *endpoint.Folder, since string, before bool) error {
	if since != "" && since == f.State {
		v.leave(f, since)
		return nil
	}
	log := &sightingLog{scanner: s, name: store.FolderKey(f.Path), before: s.destination.Stayed(f.State, f.State)}
	switch {
	case since == "":
		log.batch.Unscan = []store.Folder{{Side: store.Destination, Name: log.name}}
	case before && s.same && s.destination.Stayed(since, f.State) != nil:
		v.leave(f, since)
	default:
		if err := s.recall(ctx, v, f, log); err != nil {
			return err
		}
	}
	if err := s.marks(ctx, v, f, since, log); err != nil {
		return err
	}
	// Where marks show that the database forgot a generation, all of the folder is to be looked at again:
	// sightings do not say of which generation they are.
	return log.end(ctx, s.mint.position(store.Destination, *f, !v.above(s.mint.generation)))
}

// trust makes a view of what the last scan found, also in folders that are elsewhere since, and looks
// at the folders of the destination only. It is not complete if one of them was never scanned, as
// when a pass was cut in its scan after a reset.
func (s scanner) trust(ctx context.Context) (v *view, complete bool, err error) {
	v = &view{trusted: true}
	if v.folders, err = gather(ctx, s.to, s.destination.Folders); err != nil {
		return nil, false, err
	}
	scanned, err := positions(ctx, s.ledger, store.Destination)
	if err != nil {
		return nil, false, err
	}
	v.ledger = s.ledger
	for name := range scanned {
		v.leave(v.folder(name), "")
	}
	if err := v.load(ctx); err != nil {
		return nil, false, err
	}
	unscanned := slices.ContainsFunc(v.folders, func(f endpoint.Folder) bool {
		_, ok := scanned[store.FolderKey(f.Path)]
		return !ok
	})
	return v, !unscanned, nil
}

// folder returns the folder with a name in the ledger, or a bare one if there is none.
func (v *view) folder(name string) *endpoint.Folder {
	for i, f := range v.folders {
		if store.FolderKey(f.Path) == name {
			return &v.folders[i]
		}
	}
	return &endpoint.Folder{Path: store.FolderPath(name)}
}

func pointers[T any](all []T) []*T {
	out := make([]*T, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

// recall adds what is remembered of a folder to v, as far as its items are still in it, and lets the log
// forget the others.
func (s scanner) recall(ctx context.Context, v *view, f *endpoint.Folder, log *sightingLog) error {
	var refs refSet
	asked := false // not where nothing is remembered
	for known, err := range s.ledger.Sightings(ctx, log.name) {
		if err == nil && !asked {
			asked = true
			refs, err = s.to.refs(ctx, s.destination, *f)
		}
		if err != nil {
			return err
		}
		if refs.take(known.Ref) {
			v.addKnown(f, known)
		} else if err := log.unsee(ctx, known); err != nil {
			return err
		}
	}
	return nil
}

// sighted is what the marks of one item mean.
type sighted struct {
	ref        string
	id         watermark.ID
	verdict    verdict
	generation uint32 // of a void mark of these types; 0 for others
	highest    uint32 // generation of its marks for this pair and these types
	newer      int
	unreadable bool // no mark of a version that we know
}

// marks reads the marks of a folder. What an attempt saw that failed stays seen: it was there a moment
// ago, and the position that is saved in the end is of the time before. Only what is counted begins anew.
func (s scanner) marks(ctx context.Context, v *view, f *endpoint.Folder, since string, log *sightingLog) error {
	if s.skipsEmpty && isEmpty(*f) {
		return nil
	}
	var counted sightedCounts
	err := s.to.persist(ctx, func(ctx context.Context) error {
		counted = sightedCounts{}
		for sighting, err := range s.destination.Marks(ctx, *f, since) {
			if err != nil {
				return err
			}
			it := s.mint.sight(sighting)
			counted.add(it)
			if v.add(f, it); it.verdict == current {
				if err := log.see(ctx, it); err != nil {
					return err
				}
			}
		}
		return nil
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sightedCounts.sum(counted)
	return err
}

// sight judges the marks of one item. The first that was made for this pair is the one that counts.
func (m minter) sight(s endpoint.Sighting) sighted {
	out := sighted{ref: s.Ref, unreadable: len(s.Marks.Marks) == 0}
	for _, tag := range s.Marks.NewerPairs {
		if slices.Contains(m.tags, tag) {
			out.newer++
		}
	}
	for _, mark := range s.Marks.Marks {
		verdict, generation := m.judge(mark)
		if mark.Types == m.types && verdict >= void {
			out.highest = max(out.highest, generation)
		}
		if verdict > out.verdict && out.verdict < void {
			out.verdict, out.id, out.generation = verdict, mark.Item, 0
			if verdict == void && mark.Types == m.types {
				out.generation = generation
			}
		}
	}
	return out
}

// add counts what the marks of one item mean.
func (c *sightedCounts) add(it sighted) {
	c.newer += it.newer
	switch {
	case it.verdict == otherPair:
		c.others++
	case it.verdict == foreign && !it.unreadable:
		c.foreign++
	}
}

func (c *sightedCounts) sum(d sightedCounts) {
	c.newer += d.newer
	c.others += d.others
	c.foreign += d.foreign
}

// add enters what the marks of one item mean, but for what is counted. Again changes nothing.
func (v *view) add(f *endpoint.Folder, it sighted) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.highest = max(v.highest, it.highest)
	switch it.verdict {
	case current:
		v.found(it.id, place{f, it.ref})
	case void:
		v.void[it.id] = it.generation
		v.locate(it.id, place{f, it.ref})
	case otherPair, foreign:
	}
}

func (v *view) addKnown(f *endpoint.Folder, known ...store.Sighting) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range known {
		v.found(s.ID, place{f, s.Ref})
	}
}

// forgetFolders drops the positions of folders that are no more.
func (s scanner) forgetFolders(ctx context.Context, v *view, stored map[string]store.Folder) error {
	for _, f := range v.folders {
		delete(stored, store.FolderKey(f.Path))
	}
	if !s.persist {
		return nil
	}
	for _, position := range stored {
		if err := s.ledger.Commit(ctx, store.Batch{Unscan: []store.Folder{position}}); err != nil {
			return err
		}
	}
	return nil
}

// positions returns how far the folders of one side were scanned, by name.
func positions(ctx context.Context, ledger store.Ledger, side store.Side) (map[string]store.Folder, error) {
	stored := map[string]store.Folder{}
	for f, err := range ledger.Folders(ctx, side) {
		if err != nil {
			return nil, err
		}
		stored[f.Name] = f
	}
	return stored, nil
}

// sightings returns what the last scan of the destination saw in each folder, by its name.
func sightings(ctx context.Context, ledger store.Ledger) (map[string][]store.Sighting, error) {
	scanned, err := positions(ctx, ledger, store.Destination)
	if err != nil {
		return nil, err
	}
	seen := make(map[string][]store.Sighting, len(scanned))
	for name := range scanned {
		if seen[name], err = collect(ledger.Sightings(ctx, name)); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// collect returns the values of a sequence, or its error.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// chunks cuts a list into pieces that fit into a batch.
func chunks[T any](all []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(all) > 0 {
			n := min(len(all), store.MaxBatch-8)
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}
