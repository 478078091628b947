package pass

import "strings"

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
	// Resume goes on with a pass that was cut. After one that came to its end it does nothing, and
	// says so: what failed then, or came since, is for a Delta.
	Resume
	// PreStage migrates mail that is older than a date, while its users go on working: see
	// Options.PreStage. A Full or Delta migrates the rest.
	PreStage
	// RetryFailed tries again what failed, and looks at nothing else. It needs a last pass that came
	// to its end, and failures. Failed items that the source has no more are closed as vanished.
	RetryFailed
	// Verify compares each migrated item at the destination with what was sent: see Options.Verify.
	// One that was cut while it repaired is gone on with by a Delta.
	Verify
	// Rebuild migrates everything as if for the first time, under a new generation: no mark or
	// record that is older counts. One that was cut is gone on with, by a Rebuild or any other pass,
	// so that nothing comes twice within it.
	Rebuild
	// Trial migrates a few items of each folder, and all folders: see Options.Trial. What it migrated
	// is migrated.
	Trial
	numKinds
)

// String returns the name of the kind as it stands in reports, such as "prestage".
func (k Kind) String() string {
	list := [numKinds]string{"auto", "full", "delta", "resume", "prestage", "retry", "verify", "rebuild", "trial"}
	if k >= numKinds {
		return "unknown"
	}
	return list[k]
}

// ParseKind inverts [Kind.String], whatever the case of the letters; ok is false for any other text.
func ParseKind(name string) (k Kind, ok bool) {
	for k := range numKinds {
		if strings.EqualFold(name, k.String()) {
			return k, true
		}
	}
	return 0, false
}

// propagates reports whether a pass of this kind carries over what changed at the source.
func (k Kind) propagates() bool { return k == Auto || k == Full || k == Delta || k == Resume }
