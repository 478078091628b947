package pass

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Errors of a pass, for errors.Is.
var (
	// ErrRefused is in every error of a pass that ended before anything was written at the
	// destination, for a reason that its text and the other errors in it state.
	ErrRefused = errors.New("pass refused, nothing was written")
	// ErrInvalid says that options or pair are wrong. The text names each field.
	ErrInvalid = errors.New("invalid options")
	// ErrForeignMarks says that the destination carries marks, and that none was made with our
	// keys: writing there would bring everything a second time.
	ErrForeignMarks = errors.New("destination carries marks of another key")
	// ErrNewerMark says that a newer version of this program wrote to the destination.
	ErrNewerMark = errors.New("destination carries marks of a newer version")
	// ErrTypeChange says that endpoint types changed and Options.OnTypeChange is RefuseType.
	ErrTypeChange = errors.New("endpoint types changed")
	// ErrMarksDropped says that the destination does not keep marks.
	ErrMarksDropped = errors.New("destination does not keep marks")
	// ErrCollision says that two folders of the source would become one at the destination.
	ErrCollision = errors.New("two folders would become one")
	// ErrSameMailbox says that source and destination are the same mailbox.
	ErrSameMailbox = errors.New("source and destination are the same mailbox")
	// ErrConfirm says that what a purge was to remove is not what is there.
	ErrConfirm = errors.New("confirmation does not fit")
	// ErrNoFit says that two mailboxes are not those that the database knows of a pair.
	ErrNoFit = errors.New("not the mailboxes of this pair")
	// ErrNothingFailed says that a RetryFailed has nothing to try again, or comes too early.
	ErrNothingFailed = errors.New("nothing to try again")
	// ErrOtherMailbox says that the destination is another mailbox than in earlier passes.
	ErrOtherMailbox = errors.New("destination is not the mailbox of earlier passes")
)

// refuse wraps the reason why a pass ended before it wrote anything. A cancelled context is no
// refusal.
func refuse(err error) error {
	if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

// declined reports whether a pass ended before it wrote anything for a reason that no repetition
// changes. Such a pass does not stand in the history: what may come after the last one still may.
func declined(err error) bool {
	return slices.ContainsFunc([]error{
		ErrInvalid, ErrNothingFailed, ErrSameMailbox, ErrTypeChange, ErrForeignMarks, ErrNewerMark, ErrOtherMailbox, ErrCollision,
	}, func(reason error) bool { return errors.Is(err, reason) })
}
