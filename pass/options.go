package pass

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// TypeChange is what to do when the endpoint types of a pair changed, so that all of its marks are
// void. The zero value is Remigrate.
type TypeChange uint8

// What to do when endpoint types changed.
const (
	Remigrate  TypeChange = iota // write everything again, announced in Report.Totals.Voided
	RefuseType                   // end with ErrTypeChange before anything is written
)

// PreStaging says which mail a PreStage pass takes. The zero value takes what is older than 90 days.
type PreStaging struct {
	// Age is how old an item must be at least when the pass begins; 0 means 90 days.
	Age time.Duration
	// Before, instead of Age, is when it must have come at the latest.
	Before time.Time
	// DateField is the date that counts: ByReceived by default.
	DateField DateField
}

// TrialLimits bounds a Trial pass.
type TrialLimits struct {
	// Items is how many items of each folder are migrated, those of earlier passes included, the
	// newest first; 0 means 10.
	Items int
	// MaxSize is the greatest size in bytes of an item; 0 means 5 MB.
	MaxSize int64
}

// Verification says what a Verify pass looks at, and what it does about what it finds. The zero
// value looks at everything and changes nothing.
type Verification struct {
	Repair Repair
	// Sample is the percentage of items that are looked at; 0 means all.
	Sample float64
	// Seed chooses the sample: the same seed chooses the same items. 0 means one of the pass's own
	// choice, which is in its report.
	Seed uint64
}

// Repair is what a Verify pass does about what it finds. The zero value is RepairNone.
type Repair uint8

// What a Verify pass repairs.
const (
	RepairNone Repair = iota
	// RepairMissing migrates again what is not at the destination any more, also what its user
	// removed there.
	RepairMissing
	// RepairPartial does that, and writes anew what is there in part only; once the new copy is seen
	// at the destination, the broken one is removed.
	RepairPartial
)

// Options of one pass. The zero value is a pass over everything with careful defaults.
type Options struct {
	Kind   Kind
	Select Selection

	// PreStage, Trial and Verify are for passes of these kinds only. The window of a PreStage takes
	// the place of Select's own dates, and of nothing else of it.
	PreStage PreStaging
	Trial    TrialLimits
	Verify   Verification

	// Policies say what to do about changes at the source, by kind of item. Nil leaves everything
	// alone.
	Policies Policies
	// MaxDeleteShare is the greatest share, from 0 to 1, of the items that earlier passes migrated
	// from a folder that OnDelete may remove in one pass; if it would be more, all of them are kept,
	// and counted as held back. 0 means 0.25.
	MaxDeleteShare float64
	// FullCompare reads every migrated item at the source to find out whether it changed, for
	// OnUpdate with a source that cannot tell.
	FullCompare bool

	// StartAt is when the pass begins; it waits until then without holding anything. Zero means at
	// once. A pass whose context ends before has done nothing.
	StartAt time.Time
	// Pause, if it is not nil, halts the pass between windows while its Hold is in force.
	Pause *Pause

	// MapFolder gives the path at the destination for a folder of the source, given the path that
	// the engine proposes: that of the folder with the same role, else the same path. Nil keeps
	// the proposal.
	MapFolder func(source endpoint.Folder, proposed []string) []string

	// FullScan looks at every item on both sides, whatever earlier passes remember.
	FullScan bool
	// TrustDatabase leaves out the scan of the destination: what the database calls migrated counts as
	// there, whatever its users removed. A pass that has nothing to trust, because the pair has no
	// records or was cut, scans.
	TrustDatabase bool
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

	// Folders is how many folders are worked on at once, if the endpoints allow that many. 0 means 4; where both
	// endpoints answer within 10 milliseconds it means 2 at first, and up to 4 if that is measured to be faster.
	Folders int
	// Window is how many items of a folder are written between two commits, at most 1024; 0 lets the
	// pass choose: 64 at first, then as many as can be written in some three seconds, from 4 to 2044.
	Window int
	// WindowBytes bounds the bytes of a window that are held in memory; 0 means 8 MiB. A greater
	// item makes a window of its own and passes through a temporary file. For each folder that is
	// worked on, two windows are held: one is read while the other is written.
	WindowBytes int64
	// TempDir is for items greater than WindowBytes; empty means os.TempDir.
	TempDir string
	// Patience is for how long an endpoint that is unavailable is tried again; 0 means 2 minutes.
	// Throttling does not count.
	Patience time.Duration

	// Observer gets the events of the pass, one at a time. It must not block. Nil means none.
	Observer func(Event)

	adaptive     bool // Window was 0
	fixedFolders bool // Folders was not
}

func (o Options) withDefaults() Options {
	if o.fixedFolders = o.Folders != 0; !o.fixedFolders {
		o.Folders = 4
	}
	if o.Window == 0 {
		o.Window, o.adaptive = firstWindow, true
	}
	if o.WindowBytes == 0 {
		o.WindowBytes = 8 << 20
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	if o.MaxDeleteShare == 0 {
		o.MaxDeleteShare = 0.25
	}
	if o.Trial.Items == 0 {
		o.Trial.Items = 10
	}
	if o.Trial.MaxSize == 0 {
		o.Trial.MaxSize = 5_000_000
	}
	if o.Observer == nil {
		o.Observer = func(Event) {}
	}
	return o
}

// preStageAge is how old mail is that a PreStage takes by default.
const preStageAge = 90 * 24 * time.Hour

// resolve fixes what is relative when a pass begins: its window becomes absolute.
func (o Options) resolve(start time.Time) Options {
	if o.Kind != PreStage {
		return o
	}
	s := &o.Select
	s.Kinds = []endpoint.Kind{endpoint.Mail}
	s.Since, s.Before, s.DateField = time.Time{}, o.PreStage.Before, o.PreStage.DateField
	if s.Before.IsZero() {
		s.Before = start.Add(-cmp.Or(o.PreStage.Age, preStageAge))
	}
	return o
}

// validate reports every field that is wrong, at once.
func (o Options) validate(now time.Time) error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.Kind >= numKinds, "Kind: %d is no kind of pass", o.Kind)
	wrong(o.OnTypeChange > RefuseType, "OnTypeChange: %d is no choice", o.OnTypeChange)
	wrong(o.Folders < 0, "Folders: %d is negative; leave it 0 for the default", o.Folders)
	wrong(o.Window < 0 || o.Window > 1024, "Window: %d is not between 1 and 1024", o.Window)
	wrong(o.WindowBytes < 0, "WindowBytes: %d is negative", o.WindowBytes)
	wrong(o.Patience < 0, "Patience: %v is negative", o.Patience)
	wrong(o.MaxDeleteShare < 0 || o.MaxDeleteShare > 1, "MaxDeleteShare: %v is not between 0 and 1", o.MaxDeleteShare)
	wrong(o.TrustDatabase && (o.FullScan || o.Kind == Verify), "TrustDatabase: it contradicts FullScan and Verify; leave out one")
	return errors.Join(slices.Concat(errs, o.validateKind(now), o.Select.validate(now), o.validatePolicies())...)
}

// validateKind checks what is for passes of one kind only.
func (o Options) validateKind(now time.Time) []error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	p, v := o.PreStage, o.Verify
	wrong(o.Kind != PreStage && p != (PreStaging{}), "PreStage: it is set, but Kind is %v; leave it out", o.Kind)
	wrong(o.Kind != Trial && o.Trial != (TrialLimits{}), "Trial: it is set, but Kind is %v; leave it out", o.Kind)
	wrong(o.Kind != Verify && v != (Verification{}), "Verify: it is set, but Kind is %v; leave it out", o.Kind)
	if o.Kind == PreStage {
		for _, k := range o.Select.Kinds {
			wrong(k != endpoint.Mail, "Select.Kinds: a PreStage migrates mail only, not %v; leave that to a Full pass", k)
		}
	}
	wrong(p.Age < 0, "PreStage.Age: %v is negative", p.Age)
	wrong(p.Age > 0 && !p.Before.IsZero(), "PreStage.Age and PreStage.Before: give one of them")
	wrong(p.Before.After(now), "PreStage.Before: it lies in the future, so that nothing is left for the Full pass; give an earlier time")
	wrong(!p.Before.IsZero() && p.Before.Before(time.Unix(0, 0)) || p.Age > now.Sub(time.Unix(0, 0)),
		"PreStage: it takes what came before 1970, so that every item is left out; give a later time or a smaller age")
	wrong(p.DateField > BySent, "PreStage.DateField: %d is no date of an item", p.DateField)
	wrong(o.Trial.Items < 0, "Trial.Items: %d is negative", o.Trial.Items)
	wrong(o.Trial.MaxSize < 0, "Trial.MaxSize: %d is negative", o.Trial.MaxSize)
	wrong(v.Repair > RepairPartial, "Verify.Repair: %d is no choice", v.Repair)
	wrong(v.Sample < 0 || v.Sample > 100, "Verify.Sample: %v is not between 0 and 100", v.Sample)
	wrong(v.Seed != 0 && v.Sample == 0, "Verify.Seed: it chooses a sample, but Verify.Sample is not set")
	return errs
}

func (o Options) validatePolicies() []error {
	errs := o.Policies.validate()
	wrong := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	anything := o.Policies.some(func(p Policy) bool { return p != Policy{} })
	wrong(anything && (o.Kind == Verify || o.Kind == RetryFailed), fmt.Sprintf("Policies: a %v pass looks at no changes; leave them out", o.Kind))
	wrong(o.TrustDatabase && o.Policies.some(func(p Policy) bool { return touches(p) || merges(p) }),
		"TrustDatabase: policies must see the destination; leave out one")
	wrong(o.FullCompare && !o.Policies.some(replaces), "FullCompare: it serves OnUpdate, which no policy sets; leave it out")
	wrong(o.MaxDeleteShare != 0 && !o.Policies.some(removes), "MaxDeleteShare: it bounds OnDelete, which no policy sets; leave it out")
	return errs
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
