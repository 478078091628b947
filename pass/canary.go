package pass

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// profile is what the canary learnt of a destination. It is kept in the ledger for as long as
// mailbox and driver stay the same.
type profile struct {
	Driver       string        `json:"driver"`
	Mailbox      store.Binding `json:"mailbox"`
	MarkSurvives bool          `json:"mark"`
	BytesExact   bool          `json:"bytes"`
	DateKept     bool          `json:"date"`
	FlagsKept    bool          `json:"flags"`
}

func (p profile) known() bool { return p.Driver != "" }

// storedProfile returns the profile in the ledger, if it is of this mailbox and driver.
func (r *running) storedProfile() profile {
	var p profile
	info := r.pair.Destination.Info()
	if json.Unmarshal(r.ledger.Meta().Profile, &p) != nil ||
		p.Driver != info.Driver || !slices.Contains(r.mint.bindings(info), p.Mailbox) {
		return profile{}
	}
	return p
}

// canary is the first write into a mailbox that is not known yet: one tiny marked item in a folder
// of its own, which is then read back. It refuses a destination that drops marks. The folder, if
// there is one, is left to release.
func (r *running) canary(ctx context.Context) (cage *endpoint.Folder, err error) {
	fresh := !r.profile.known()
	if fresh {
		if cage, err = r.sing(ctx); err != nil {
			return nil, fmt.Errorf("try the destination with a marked item: %w", err)
		}
	}
	p := r.profile
	if !p.MarkSurvives && !r.opts.AllowUnmarked {
		if fresh {
			if err := r.release(ctx, cage); err != nil {
				return nil, err
			}
		}
		r.touched = false // the canary is gone again
		return nil, fmt.Errorf("%w: after a loss of the database everything would be written twice; "+
			"allow unmarked items to go on with the database alone", ErrMarksDropped)
	}
	if !p.MarkSurvives {
		r.failures.warn("the destination does not keep marks: the database is the only protection against duplicates")
	}
	if !p.BytesExact && r.dstCaps.Exact {
		r.failures.warn("the destination changes the bytes of items: signatures may break")
	}
	if !p.DateKept && r.dstCaps.Received {
		r.failures.warn("the destination does not keep the dates of items")
	}
	return cage, nil
}

// release deletes the canary with its folder, and makes durable what was learnt.
func (r *running) release(ctx context.Context, cage *endpoint.Folder) error {
	if cage != nil {
		if err := r.raze(ctx, *cage); err != nil {
			return fmt.Errorf("try the destination with a marked item: %w", err)
		}
	}
	return r.bind(ctx) // with the profile
}

// canaryFlags are those that many items have. That an endpoint takes them is learnt with the canary then, and not one after the other
// when the first items are written.
func canaryFlags() []endpoint.Flag {
	return []endpoint.Flag{endpoint.Seen, endpoint.Answered, endpoint.IsFlagged}
}

const canaryText = "From: Dandyroll <canary@dandyroll.invalid>\r\nSubject: Dandyroll canary\r\n" +
	"Date: Sat, 03 Feb 2001 04:05:06 +0000\r\nMIME-Version: 1.0\r\n\r\n" +
	"This item shows whether this mailbox keeps what is written to it. It may be deleted.\r\n"

// sing tries the destination and fills the profile. It returns the folder of the canary, unless there is none or it failed.
func (r *running) sing(ctx context.Context) (*endpoint.Folder, error) {
	r.profile = profile{Driver: r.pair.Destination.Info().Driver, Mailbox: r.mint.binding(r.pair.Destination.Info())}
	if !r.dstCaps.CreateFolder || !r.dstCaps.DeleteFolder || len(r.dstCaps.Write[endpoint.Mail]) == 0 {
		r.profile.MarkSurvives, r.profile.BytesExact, r.profile.DateKept, r.profile.FlagsKept = true, true, true, true
		r.failures.warn("whether the destination keeps marks could not be tried: it has no folder for a trial item")
		return nil, nil //nolint:nilnil // there is no folder, and that is no error
	}
	folder, err := r.cage(ctx)
	if err != nil {
		return nil, err
	}
	if err = r.tryFolder(ctx, folder); err != nil {
		return nil, errors.Join(err, r.raze(ctx, folder))
	}
	return &folder, nil
}

// raze deletes the folder of the canary, also after a cancellation.
func (r *running) raze(ctx context.Context, folder endpoint.Folder) error {
	ctx, cancel := graceful(ctx)
	defer cancel()
	err := r.to.persist(ctx, func(ctx context.Context) error {
		err := r.pair.Destination.DeleteFolder(ctx, folder)
		if endpoint.CodeOf(err) == endpoint.NotFound {
			return nil // an attempt before, whose answer was lost, has deleted it
		}
		return err
	})
	r.touched = err != nil
	return err
}

// cage makes the folder of the canary. One that an interrupted pass left is used again, if nobody
// has put anything else into it; its name is the pair's own.
func (r *running) cage(ctx context.Context) (endpoint.Folder, error) {
	wanted := endpoint.Folder{Path: []string{"Dandyroll canary " + r.mint.tags[0].String()}}
	var folder endpoint.Folder
	err := r.to.persist(ctx, func(ctx context.Context) (err error) {
		folder, err = r.pair.Destination.CreateFolder(ctx, wanted)
		return err
	})
	if err != nil {
		r.touched = !endpoint.CodeOf(err).Refuses() // else it may be there
		return folder, err
	}
	r.touched = true // until the folder is gone
	if folder.Items == 0 {
		return folder, nil
	}
	refs, seen, err := r.cageHolds(ctx, folder)
	if err != nil {
		return folder, err
	}
	marked := 0
	for _, s := range seen {
		if r.mint.sight(s).verdict >= void {
			marked++
		}
	}
	if marked < len(refs) {
		r.touched = false // it was there before us
		return folder, endpoint.Errorf(endpoint.Exists, "the folder for trial items holds other items; move them elsewhere")
	}
	return folder, nil
}

// cageHolds returns all items of the canary's folder, and those with marks.
func (r *running) cageHolds(ctx context.Context, f endpoint.Folder) ([]string, []endpoint.Sighting, error) {
	refs, err := gather(ctx, r.to, func(ctx context.Context) iter.Seq2[string, error] {
		return r.pair.Destination.Refs(ctx, f)
	})
	if err != nil {
		return nil, nil, err
	}
	seen, err := r.cageMarks(ctx, f)
	return refs, seen, err
}

func (r *running) cageMarks(ctx context.Context, f endpoint.Folder) ([]endpoint.Sighting, error) {
	return gather(ctx, r.to, func(ctx context.Context) iter.Seq2[endpoint.Sighting, error] {
		return r.pair.Destination.Marks(ctx, f, "")
	})
}

// tryFolder writes the canary and compares what comes back.
func (r *running) tryFolder(ctx context.Context, folder endpoint.Folder) error {
	mark := r.mint.mark(r.mint.ids(folder.Path, endpoint.Mail, rand.Text(), 0)[0])
	put := endpoint.Put{
		Mark: mark, Kind: endpoint.Mail, Content: endpoint.Bytes(endpoint.RFC822, []byte(canaryText)),
		Flags: canaryFlags(), Received: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC),
	}
	answers, err := gather(ctx, r.to, func(ctx context.Context) iter.Seq2[endpoint.PutResult, error] {
		return firstError(r.pair.Destination.Put(ctx, folder, []endpoint.Put{put}))
	})
	if err != nil {
		return err
	}
	if err := sleep(ctx, r.dstCaps.Visibility); err != nil {
		return err
	}
	put.Flags = slices.DeleteFunc(put.Flags, func(f endpoint.Flag) bool { return slices.Contains(answers[0].Dropped, f) })
	if ref := answers[0].Ref; ref != "" && min(r.opts.Folders, r.dstCaps.Concurrency) > 1 {
		return together(ctx, func(ctx context.Context) error {
			_, err := r.findCanary(ctx, folder, mark)
			return err
		}, func(ctx context.Context) error { return r.compare(ctx, folder, []string{ref}, put) })
	}
	refs, err := r.findCanary(ctx, folder, mark)
	if err != nil {
		return err
	}
	return r.compare(ctx, folder, refs, put)
}

// findCanary returns the items that may be the canary: those with its mark or, if there are none, all.
func (r *running) findCanary(ctx context.Context, folder endpoint.Folder, mark watermark.Mark) ([]string, error) {
	seen, err := r.cageMarks(ctx, folder)
	if err != nil {
		return nil, err
	}
	var refs []string
	for _, s := range seen {
		if slices.Contains(s.Marks.Marks, mark) {
			refs = append(refs, s.Ref)
		}
	}
	if r.profile.MarkSurvives = len(refs) > 0; r.profile.MarkSurvives {
		return refs, nil
	}
	return gather(ctx, r.to, func(ctx context.Context) iter.Seq2[string, error] {
		return r.pair.Destination.Refs(ctx, folder)
	})
}

// compare reads the canary back.
func (r *running) compare(ctx context.Context, folder endpoint.Folder, refs []string, put endpoint.Put) error {
	want := append(watermark.Prefix(put.Mark, []byte(canaryText)), canaryText...)
	return r.to.persist(ctx, func(ctx context.Context) error {
		for body, err := range r.pair.Destination.Read(ctx, folder, refs, endpoint.ReadOptions{Memory: 1 << 16}) {
			if err = errors.Join(err, body.Err); err != nil {
				return err
			}
			have, err := readWhole(body.Content)
			closeBody(body)
			if err != nil {
				return err
			}
			r.profile.BytesExact = r.profile.BytesExact || bytes.Equal(have, want)
			r.profile.DateKept = r.profile.DateKept || body.Received.Equal(put.Received)
			r.profile.FlagsKept = r.profile.FlagsKept || hasAll(body.Flags, put.Flags)
		}
		return nil
	})
}

func hasAll(have, want []endpoint.Flag) bool {
	return !slices.ContainsFunc(want, func(f endpoint.Flag) bool { return !slices.Contains(have, f) })
}

// firstError makes the error of an item that of the sequence.
func firstError(seq iter.Seq2[endpoint.PutResult, error]) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for result, err := range seq {
			if !yield(result, errors.Join(err, result.Err)) {
				return
			}
		}
	}
}
