package pass

import (
	"context"
	"fmt"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// memory is what the ledger knows of the items of one folder, as far as it counts, in some 50 bytes an
// item: the records themselves are looked up where they are to be changed.
type memory struct {
	ids idSet // with the bits below; without those that keep left to the view
	// byRef finds the place in order of those whose reference is valid.
	byRef refMap
	order []watermark.ID
}

// What is known of an ID, by bits. Without a status there is no record.
const statusBits uint8 = 7 // its store.Status

// The other bits.
const (
	weTrashed uint8 = 8 << iota // Record.Trashed
	linked                      // it has a reference, and that is valid
	wasGone                     // Record.Gone
	claimed                     // an item of the listing has it
)

// bitsOf returns what a record says of its ID, for a folder of the source.
func bitsOf(r *store.Record, f endpoint.Folder) uint8 {
	bits := uint8(r.Status) & statusBits
	if r.Trashed {
		bits |= weTrashed
	}
	if r.Ref != "" && r.Validity == f.Validity {
		bits |= linked
	}
	if r.Gone {
		bits |= wasGone
	}
	return bits
}

// slot is what an item is known by.
type slot struct {
	id      watermark.ID
	known   uint8         // by bits
	record  *store.Record // nil if there is none, or it was not looked up
	ordinal int           // -1 if the item was not identified by listing it
}

// slotOf is that of a record.
func slotOf(r *store.Record, known uint8) slot {
	return slot{id: r.ID, known: known, record: r, ordinal: -1}
}

// status is that of the record, or 0 if there is none.
func (s slot) status() store.Status { return store.Status(s.known & statusBits) }

// slot returns what is known of an ID.
func (d *decider) slot(id watermark.ID) slot {
	known := d.memory.ids.get(id)
	if known == 0 && d.view.met(id) {
		known = usual
	}
	return slot{id: id, known: known, ordinal: -1}
}

// usual is what is known of nearly all items: they were written, and are where they were on both sides.
const usual = uint8(store.Settled) | linked | claimed

// keep remembers what is known of an ID: in the view, if that has it anyway and nothing but the usual is to be said.
func (d *decider) keep(id watermark.ID, known uint8) {
	if known != usual || !d.view.meet(id) {
		d.memory.ids.put(id, known)
	}
}

// records goes through the records of the folder that count. Who keeps one keeps a copy.
func (d *decider) records(ctx context.Context, each func(*store.Record) error) error {
	d.plan.moving, d.plan.following = false, nil
	var r store.Record
	for next, err := range d.ledger.Records(ctx, d.plan.name) {
		if err != nil {
			return err
		}
		if r = next; !d.counts(&r) {
			continue
		}
		if r.Follows != (watermark.ID{}) {
			d.plan.moving, d.plan.following = true, append(d.plan.following, r.Follows)
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	return nil
}

// counts reports whether a record counts, and makes its reference void in a dry run that has to.
func (p planner) counts(r *store.Record) bool {
	if !p.mint.owns(*r) || p.forget != nil && p.forget.Matches(*r, p.view.has(r.ID, false)) {
		return false
	}
	if p.moved {
		r.Validity = voidValidity
	}
	return true
}

// remember goes through the records of the folder, and keeps what is needed to find them by ID and by
// reference.
func (d *decider) remember(ctx context.Context) error {
	d.memory = memory{}
	return d.records(ctx, func(r *store.Record) error {
		bits := bitsOf(r, d.plan.source)
		if d.memory.ids.put(r.ID, bits); bits&linked != 0 {
			// An item that was gone has its reference back, or another record has it now.
			d.memory.byRef.add(r.Ref, uint32(len(d.memory.order)), r.Gone) //nolint:gosec // that many do not fit into a folder
			d.memory.order = append(d.memory.order, r.ID)
		}
		return nil
	})
}

// lookup fills in the records of items that have one.
func (d *decider) lookup(ctx context.Context, items []listed) error {
	var ids []watermark.ID
	for _, it := range items {
		if it.record == nil && it.status() != 0 {
			ids = append(ids, it.id)
		}
	}
	records, err := d.lookupIDs(ctx, ids)
	for i, it := range items {
		if it.record == nil && it.status() != 0 {
			items[i].record = records[it.id]
		}
	}
	return err
}

// lookupIDs returns records of the folder by their IDs.
func (d *decider) lookupIDs(ctx context.Context, ids []watermark.ID) (map[watermark.ID]*store.Record, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	records := make(map[watermark.ID]*store.Record, len(ids))
	for r, err := range d.ledger.Lookup(ctx, d.plan.name, ids) {
		if err != nil {
			return nil, err
		}
		if d.counts(&r) {
			records[r.ID] = &r
		}
	}
	if len(records) != len(ids) {
		return nil, fmt.Errorf("%w: %d records of a folder are not found any more", store.ErrDamaged, len(ids)-len(records))
	}
	return records, nil
}
