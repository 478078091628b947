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
	parallel    int
	// persist writes what was found, and how far, into the ledger, so that the next scan looks
	// only at what changed.
	persist bool
	// locate notes where each mark is.
	locate bool
}

// view is what a scan found.
type view struct {
	folders []endpoint.Folder
	trusted bool // nobody looked: what the ledger calls settled counts as present

	mu      sync.Mutex
	present map[watermark.ID]presence // items whose current mark is somewhere
	places  map[watermark.ID][]place  // where these are; nil if that is not noted
	void    map[watermark.ID]uint32   // items with a mark of ours that counts no more, and its generation
	others  int                       // items with a mark of ours of another pair, and none of this
	foreign int                       // items all of whose marks were made without our keys
	newer   int                       // marks of a newer version for this pair
	highest uint32                    // generation among the marks of this pair and these types
}

// presence says where marks of one item are, by bits.
type presence uint8

const (
	alive   presence = 1 << iota // in a folder that is not the trash
	trashed                      // in the trash
)

// place is where an item is at the destination.
type place struct {
	folder *endpoint.Folder
	ref    string
}

// has reports whether the item is at the destination. Where we moved it to the trash ourselves,
// what is there does not count.
func (v *view) has(id watermark.ID, weTrashed bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if weTrashed {
		return v.present[id]&alive != 0
	}
	return v.present[id] != 0
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
	if at.folder.Role == endpoint.Trash {
		v.present[id] |= trashed
	} else {
		v.present[id] |= alive
	}
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
// returns a complete view or an error.
func (s scanner) scan(ctx context.Context, whole bool) (*view, error) {
	v := &view{present: map[watermark.ID]presence{}, void: map[watermark.ID]uint32{}}
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
	err = parallel(ctx, s.parallel, pointers(v.folders), func(ctx context.Context, f *endpoint.Folder) error {
		since := ""
		if !whole {
			since = s.mint.reached(stored[store.FolderKey(f.Path)], *f)
		}
		since, err := s.to.learnState(ctx, s.destination, f, since, s.persist)
		if err != nil {
			return err
		}
		return s.scanFolder(ctx, v, f, since)
	})
	if err != nil {
		return nil, err
	}
	return v, s.forgetFolders(ctx, v, stored)
}

// scanFolder adds the marks of one folder to v: all of them, or what changed since an earlier
// state and what is remembered of the time before.
func (s scanner) scanFolder(ctx context.Context, v *view, f *endpoint.Folder, since string) error {
	name := store.FolderKey(f.Path)
	if since == "" {
		return s.scanWhole(ctx, v, f, name)
	}
	known, err := collect(s.ledger.Sightings(ctx, name))
	if err != nil {
		return err
	}
	if since == f.State {
		v.addKnown(f, known)
		return nil
	}
	kept, gone, err := s.stillThere(ctx, *f, known)
	if err != nil {
		return err
	}
	v.addKnown(f, kept)
	found, err := s.marks(ctx, v, f, since)
	if err != nil {
		return err
	}
	return s.save(ctx, v, *f, found, gone)
}

func (s scanner) scanWhole(ctx context.Context, v *view, f *endpoint.Folder, name string) error {
	found, err := s.marks(ctx, v, f, "")
	if err != nil || !s.persist {
		return err
	}
	err = s.ledger.Commit(ctx, store.Batch{Unscan: []store.Folder{{Side: store.Destination, Name: name}}})
	if err != nil {
		return err
	}
	return s.save(ctx, v, *f, found, nil)
}

// trust makes a view of what the last scan found, also in folders that are elsewhere since, and looks
// at the folders of the destination only. It is not complete if one of them was never scanned, as
// when a pass was cut in its scan after a reset.
func (s scanner) trust(ctx context.Context) (v *view, complete bool, err error) {
	v = &view{present: map[watermark.ID]presence{}, trusted: true}
	if v.folders, err = gather(ctx, s.to, s.destination.Folders); err != nil {
		return nil, false, err
	}
	scanned, err := sightings(ctx, s.ledger)
	if err != nil {
		return nil, false, err
	}
	for name, known := range scanned {
		v.addKnown(v.folder(name), known)
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

// stillThere divides known sightings of a folder by whether their items are still in it.
func (s scanner) stillThere(ctx context.Context, f endpoint.Folder, known []store.Sighting) (kept, gone []store.Sighting, err error) {
	if len(known) == 0 {
		return nil, nil, nil
	}
	list, err := gather(ctx, s.to, func(ctx context.Context) iter.Seq2[string, error] { return s.destination.Refs(ctx, f) })
	if err != nil {
		return nil, nil, err
	}
	refs := make(map[string]struct{}, len(list))
	for _, ref := range list {
		refs[ref] = struct{}{}
	}
	for _, k := range known {
		if _, ok := refs[k.Ref]; ok {
			kept = append(kept, k)
		} else {
			gone = append(gone, k)
		}
	}
	return kept, gone, nil
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

// marks reads the marks of a folder, and returns those that are to be remembered.
func (s scanner) marks(ctx context.Context, v *view, f *endpoint.Folder, since string) ([]store.Sighting, error) {
	var all []sighted
	err := s.to.persist(ctx, func(ctx context.Context) error {
		all = all[:0]
		for sighting, err := range s.destination.Marks(ctx, *f, since) {
			if err != nil {
				return err
			}
			all = append(all, s.mint.sight(sighting))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var found []store.Sighting
	name := store.FolderKey(f.Path)
	for _, it := range all {
		if v.add(f, it); it.verdict == current {
			found = append(found, store.Sighting{Folder: name, Ref: it.ref, ID: it.id})
		}
	}
	return found, nil
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

// add enters what the marks of one item mean.
func (v *view) add(f *endpoint.Folder, it sighted) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.newer += it.newer
	v.highest = max(v.highest, it.highest)
	switch it.verdict {
	case current:
		v.found(it.id, place{f, it.ref})
	case void:
		v.void[it.id] = it.generation
		if at := (place{f, it.ref}); v.places != nil {
			v.places[it.id] = append(v.places[it.id], at)
		}
	case otherPair:
		v.others++
	case foreign:
		if !it.unreadable {
			v.foreign++
		}
	}
}

func (v *view) addKnown(f *endpoint.Folder, known []store.Sighting) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range known {
		v.found(k.ID, place{f, k.Ref})
	}
}

// save remembers what was found in a folder, and last, how far it was looked at. Where marks show
// that the database forgot a generation, all of it is to be looked at again: sightings do not say
// of which generation they are.
func (s scanner) save(ctx context.Context, v *view, f endpoint.Folder, found, gone []store.Sighting) error {
	if !s.persist {
		return nil
	}
	for chunk := range chunks(gone) {
		if err := s.ledger.Commit(ctx, store.Batch{Unsee: chunk}); err != nil {
			return err
		}
	}
	for chunk := range chunks(found) {
		if err := s.ledger.Commit(ctx, store.Batch{Sightings: chunk}); err != nil {
			return err
		}
	}
	position := s.mint.position(store.Destination, f, !v.above(s.mint.generation))
	return s.ledger.Commit(ctx, store.Batch{Folders: []store.Folder{position}})
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
