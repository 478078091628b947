package pass

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Config is what all passes of an Engine share.
type Config struct {
	// Store holds the ledgers. Required.
	Store store.Store
	// Key makes and verifies the marks. Required. Without it, or with another one, what was
	// migrated before is not recognised.
	Key watermark.Key
	// OldKeys verify marks that were made before the key was changed.
	OldKeys []watermark.Key
	// Logger gets what a pass does, without addresses, subjects or names of folders. Nil means
	// none.
	Logger *slog.Logger
}

// Pair is one source mailbox and one destination mailbox, under an ID that the caller keeps for
// ever. Addresses may change; the ID must not: items are known by it.
type Pair struct {
	ID                  string
	Source, Destination *endpoint.Mailbox
	// ReverseOf is the ID of the pair that migrated the other way under the same key: items that
	// came from this destination then are not sent back. It is found without being told while the
	// Store still knows that pair under the same addresses.
	ReverseOf string
}

// Kind is what a pass does. The zero value is Auto.
type Kind uint8

// The kinds of pass.
const (
	// Auto is Full on a pair without history, Delta afterwards.
	Auto Kind = iota
	// Full and Delta do the same: migrate all that is selected and was not migrated before. They
	// differ in the name only.
	Full
	Delta
)

// String returns the name of the kind as it stands in reports.
func (k Kind) String() string {
	switch k {
	case Auto:
		return "auto"
	case Full:
		return "full"
	case Delta:
		return "delta"
	}
	return "unknown"
}

// TypeChange is what to do when the endpoint types of a pair changed, so that all of its marks are
// void. The zero value is Remigrate.
type TypeChange uint8

// What to do when endpoint types changed.
const (
	Remigrate  TypeChange = iota // write everything again, announced in Report.Totals.Voided
	RefuseType                   // end with ErrTypeChange before anything is written
)

// Selection narrows a pass. The zero value selects everything. What it leaves out is counted as
// filtered, leaves no record, and may be selected by a later pass.
type Selection struct {
	// Kinds of items; nil means all.
	Kinds []endpoint.Kind
	// Since and Before bound when an item was received: not earlier than, earlier than. Zero
	// means no bound. An item without a date is selected.
	Since, Before time.Time
	// MaxSize is the greatest size in bytes, as the source states it; 0 means no bound.
	MaxSize int64
	// Folder says whether to take a folder of the source; nil means all.
	Folder func(endpoint.Folder) bool
}

// Options of one pass. The zero value is a pass over everything with careful defaults.
type Options struct {
	Kind   Kind
	Select Selection

	// MapFolder gives the path at the destination for a folder of the source, given the path that
	// the engine proposes: that of the folder with the same role, else the same path. Nil keeps
	// the proposal.
	MapFolder func(source endpoint.Folder, proposed []string) []string

	// FullScan looks at every item on both sides, whatever earlier passes remember.
	FullScan bool
	// OnTypeChange is what to do when the types of the endpoints changed.
	OnTypeChange TypeChange
	// AllowUnmarked goes on where the destination drops marks. The database is then the only
	// protection against duplicates.
	AllowUnmarked bool
	// AcceptForeignMarks goes on where the destination has marks, and none of them was made with
	// our keys.
	AcceptForeignMarks bool
	// SendBack migrates also items that came from this destination.
	SendBack bool

	// Folders is how many folders are worked on at once; 0 means 4, and no more than the
	// endpoints allow.
	Folders int
	// Window is how many items of a folder are written between two commits; 0 means 64, at most
	// 1024.
	Window int
	// WindowBytes bounds the bytes of a window that are held in memory; 0 means 8 MiB. A greater
	// item makes a window of its own and passes through a temporary file.
	WindowBytes int64
	// TempDir is for items greater than WindowBytes; empty means os.TempDir.
	TempDir string
	// Patience is for how long an endpoint that is unavailable is tried again; 0 means 2 minutes.
	// Throttling does not count.
	Patience time.Duration

	// Observer gets the events of the pass, one at a time. It must not block. Nil means none.
	Observer func(Event)
}

func (o Options) withDefaults() Options {
	if o.Folders == 0 {
		o.Folders = 4
	}
	if o.Window == 0 {
		o.Window = 64
	}
	if o.WindowBytes == 0 {
		o.WindowBytes = 8 << 20
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	if o.Observer == nil {
		o.Observer = func(Event) {}
	}
	return o
}

// validate reports every field that is wrong, at once.
func (o Options) validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	s := o.Select
	wrong(o.Kind > Delta, "Kind: %d is no kind of pass", o.Kind)
	wrong(o.OnTypeChange > RefuseType, "OnTypeChange: %d is no choice", o.OnTypeChange)
	wrong(o.Folders < 0, "Folders: %d is negative; leave it 0 for the default", o.Folders)
	wrong(o.Window < 0 || o.Window > 1024, "Window: %d is not between 1 and 1024", o.Window)
	wrong(o.WindowBytes < 0, "WindowBytes: %d is negative", o.WindowBytes)
	wrong(o.Patience < 0, "Patience: %v is negative", o.Patience)
	wrong(s.MaxSize < 0, "Select.MaxSize: %d is negative", s.MaxSize)
	wrong(!s.Since.IsZero() && !s.Before.IsZero() && !s.Since.Before(s.Before),
		"Select.Since and Select.Before: nothing lies between them; exchange them or widen one")
	for _, k := range s.Kinds {
		_, known := endpoint.ParseKind(k.String())
		wrong(!known, "Select.Kinds: %d is no kind of item", k)
	}
	return errors.Join(errs...)
}

func (p Pair) validate() error {
	var errs []error
	if p.ID == "" || len(p.ID) > 255 {
		errs = append(errs, errors.New("Pair.ID: give the pair a name of 1 to 255 bytes, and keep it"))
	}
	if p.Source == nil {
		errs = append(errs, errors.New("Pair.Source: no mailbox"))
	}
	if p.Destination == nil {
		errs = append(errs, errors.New("Pair.Destination: no mailbox"))
	}
	if p.ID != "" && p.ID == p.ReverseOf {
		errs = append(errs, errors.New("Pair.ReverseOf: a pair is not its own reverse"))
	}
	return errors.Join(errs...)
}
