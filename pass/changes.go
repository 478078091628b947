package pass

import (
	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// changes are what happened at the source to items of a folder that were migrated before.
type changes struct {
	gone    []store.Record // that are there no more
	checks  []check        // for a Verify
	updates []update
	merges  []merge
	left    []move // those of gone that came into other folders
	moving  bool   // some item of the folder follows one of another
	// following are the items that those follow which passes before this one took for moved.
	following []watermark.ID
}

// quiet reports whether nothing of it is to be carried over that a later listing would not show.
func (c changes) quiet() bool { return len(c.updates) == 0 && len(c.merges) == 0 }

// update is an item that may have changed.
type update struct {
	item   listed
	record store.Record
}

// merge is an item whose flags changed.
type merge struct {
	record      store.Record
	flags       string // as they are now
	add, remove []endpoint.Flag
}

// compareVersions notes an item that may have changed at the source since it was migrated. One of
// which the version is not known is looked at, too.
func (d *decider) compareVersions(it listed) {
	if replaces(d.policies[it.Kind]) && d.view.has(it.id, true) && (d.compare || it.Version != it.record.Version) {
		d.plan.updates = append(d.plan.updates, update{it, *it.record})
	}
}
