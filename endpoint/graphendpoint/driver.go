package graphendpoint

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	typeName      = "graph"
	driverVersion = "graphendpoint/1"
	// putGrace is for how long a create whose answer was lost may still be done: a request is given up after two minutes by
	// the gateways of the service, but what timed out there is done or dropped within seconds of the answer.
	putGrace = 10 * time.Second
	// visibility is for how long a new item may be missing from lists. Nothing is documented; they lag behind at times.
	visibility = 5 * time.Second
	// maxItem is the greatest message that Exchange Online can be set to take.
	// https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits#message-limits
	maxItem = 150 << 20
)

// driver is the endpoint.Driver over one shelf for each sort of folder.
//
// A folder's ID is the letter of its sort and its ID in Graph; an item's Ref and Identity is its immutable ID. References are valid
// for ever, so there is no Validity.
type driver struct {
	endpoint.Unimplemented
	cfg    Config
	client *client
	timing timing

	mu      sync.Mutex
	shelves []labelled // once the mailbox was reached
}

// timing is what tests make shorter.
type timing struct{ putGrace, visibility time.Duration }

// labelled is a shelf with the letter that its folders' IDs begin with, the kind of what they hold, and the formats in which that is
// read and written, best first.
type labelled struct {
	letter        string
	kind          endpoint.Kind
	root          []string // of their paths; empty for that of the tree
	reads, writes []endpoint.Format
	shelf
}

var _ endpoint.Driver = (*driver)(nil)

// Info names the account by user and service.
func (d *driver) Info() endpoint.Info {
	return endpoint.Info{Type: typeName, Driver: driverVersion, Account: strings.ToLower(d.cfg.User) + "@" + d.client.root.Host}
}

// Capabilities makes sure that the mailbox can be reached, and every kind of item in it.
func (d *driver) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	opened, err := d.opened(ctx)
	if err != nil {
		return endpoint.Capabilities{}, err
	}
	caps := endpoint.Capabilities{
		Read: map[endpoint.Kind][]endpoint.Format{}, Write: map[endpoint.Kind][]endpoint.Format{},
		ReadLosses: readLosses(), WriteLosses: writeLosses(), Roots: map[endpoint.Kind][]string{},
		StateSince: true, CreateFolder: true, DeleteFolder: true,
		Delete: true, Flags: true, SetFlags: true, Find: true, FlagStates: true,
		Keywords: true, Received: !d.cfg.BetaImportMIME, MaxItem: maxItem,
		Concurrency: maxConcurrent, PutGrace: d.timing.putGrace, Visibility: d.timing.visibility,
	}
	for _, s := range opened {
		caps.Read[s.kind] = s.reads
		if len(s.writes) > 0 {
			caps.Write[s.kind] = s.writes
		}
		if len(s.root) > 0 {
			caps.Roots[s.kind] = s.root
		}
	}
	return caps, nil
}

// Folders lists the folders of each sort.
func (d *driver) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return func(yield func(endpoint.Folder, error) bool) {
		opened, err := d.opened(ctx)
		if err != nil {
			yield(endpoint.Folder{}, err)
			return
		}
		for _, s := range opened {
			all, err := s.folders(ctx)
			if err != nil {
				yield(endpoint.Folder{}, err)
				return
			}
			for _, f := range all {
				if !yield(s.label(f), nil) {
					return
				}
			}
		}
	}
}

// label makes a folder of a shelf one of the driver.
func (s labelled) label(f endpoint.Folder) endpoint.Folder {
	f.ID, f.Kinds = s.letter+f.ID, []endpoint.Kind{s.kind}
	return f
}

// at returns the shelf of a folder, and its ID there.
func (d *driver) at(ctx context.Context, f endpoint.Folder) (labelled, string, error) {
	if d.client.wire.ended() {
		return labelled{}, "", endpoint.Errorf(endpoint.Invalid, "mailbox is closed")
	}
	opened, err := d.opened(ctx)
	if err != nil {
		return labelled{}, "", err
	}
	for _, s := range opened {
		if id, ok := strings.CutPrefix(f.ID, s.letter); ok && id != "" {
			return s, id, nil
		}
	}
	return labelled{}, "", endpoint.Errorf(endpoint.NotFound, "the mailbox has no such folder")
}

// on yields what a shelf yields of a folder.
func on[T any](ctx context.Context, d *driver, f endpoint.Folder, seq func(s labelled, id string) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		s, id, err := d.at(ctx, f)
		if err != nil {
			var zero T
			yield(zero, err)
			return
		}
		seq(s, id)(yield)
	}
}

// State asks for the changes of a folder since an earlier state.
func (d *driver) State(ctx context.Context, f endpoint.Folder, since string) (string, error) {
	s, id, err := d.at(ctx, f)
	if err != nil {
		return "", err
	}
	return s.state(ctx, id, since)
}

// List yields the items of a folder.
func (d *driver) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.Item, error] { return s.list(ctx, id, since) })
}

// Refs yields the immutable IDs of the items of a folder.
func (d *driver) Refs(ctx context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[string, error] { return s.refs(ctx, id) })
}

// Marks yields the marked items of a folder.
func (d *driver) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.Sighting, error] { return s.marks(ctx, id, since) })
}

// Find yields the items with a Message-ID or UID.
func (d *driver) Find(ctx context.Context, f endpoint.Folder, id string) iter.Seq2[string, error] {
	return on(ctx, d, f, func(s labelled, folder string) iter.Seq2[string, error] { return s.find(ctx, folder, id) })
}

// Flags yields the flags of items.
func (d *driver) Flags(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Flagging, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.Flagging, error] { return s.flags(ctx, id, refs) })
}

// Read reads items, several at a time.
func (d *driver) Read(ctx context.Context, f endpoint.Folder, refs []string, opts endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.Body, error] {
		room := newRoom(opts.Memory)
		return each(ctx, refs, func(ctx context.Context, ref string) endpoint.Body {
			body := s.read(ctx, id, ref, reading{room: room, tempDir: opts.TempDir, formats: accepted(opts, s.kind)})
			body.Ref = ref
			return body
		}, func(b endpoint.Body) error { return b.Err }, func(b endpoint.Body) {
			if b.Content != nil {
				_ = b.Content.Close()
			}
		})
	})
}

// accepted are the formats of a kind that the caller of a Read accepts; nil stands for any.
func accepted(opts endpoint.ReadOptions, k endpoint.Kind) []endpoint.Format {
	if opts.Formats == nil {
		return nil
	}
	return append([]endpoint.Format{}, opts.Formats[k]...)
}

// Put writes items, several at a time.
func (d *driver) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.PutResult, error] {
		return each(ctx, items, func(ctx context.Context, p endpoint.Put) endpoint.PutResult {
			result := s.putOne(ctx, id, p)
			result.Mark = p.Mark
			return result
		}, func(r endpoint.PutResult) error { return r.Err }, nil)
	})
}

// putOne refuses what the shelf does not hold, before it is asked.
func (s labelled) putOne(ctx context.Context, id string, p endpoint.Put) endpoint.PutResult {
	switch {
	case p.Kind != s.kind:
		return endpoint.PutResult{Err: endpoint.Errorf(endpoint.Unsupported, "the folder holds items of kind %s", s.kind)}
	case !slices.Contains(s.writes, p.Content.Format()):
		return endpoint.PutResult{Err: endpoint.Errorf(endpoint.Unsupported, "items of kind %s are not written in this format", s.kind)}
	case p.Content.Size() > maxItem:
		return endpoint.PutResult{Err: endpoint.Errorf(endpoint.TooLarge, "item is above %d bytes", int64(maxItem))}
	}
	return s.put(ctx, id, p)
}

// Delete takes items out of a folder, several at a time.
func (d *driver) Delete(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Result, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.Result, error] {
		return each(ctx, refs, func(ctx context.Context, ref string) endpoint.Result {
			return endpoint.Result{Ref: ref, Err: s.remove(ctx, id, ref)}
		}, func(r endpoint.Result) error { return r.Err }, nil)
	})
}

// SetFlags changes the flags of items, several at a time.
func (d *driver) SetFlags(ctx context.Context, f endpoint.Folder, changes []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
	return on(ctx, d, f, func(s labelled, id string) iter.Seq2[endpoint.Result, error] {
		return each(ctx, changes, func(ctx context.Context, c endpoint.FlagChange) endpoint.Result {
			return endpoint.Result{Ref: c.Ref, Err: s.setFlags(ctx, id, c)}
		}, func(r endpoint.Result) error { return r.Err }, nil)
	})
}

// CreateFolder creates a folder of the sort that its kinds ask for.
func (d *driver) CreateFolder(ctx context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	kind := endpoint.Mail
	if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, endpoint.Mail) {
		kind = f.Kinds[0]
	}
	opened, err := d.opened(ctx)
	if err != nil {
		return endpoint.Folder{}, err
	}
	for _, s := range opened {
		if s.kind == kind {
			made, err := s.create(ctx, f.Path)
			return s.label(made), err
		}
	}
	return endpoint.Folder{}, endpoint.Errorf(endpoint.Unsupported, "the mailbox has no folders for items of kind %s", kind)
}

// DeleteFolder deletes a folder with all that it holds.
func (d *driver) DeleteFolder(ctx context.Context, f endpoint.Folder) error {
	s, id, err := d.at(ctx, f)
	if err != nil {
		return err
	}
	return s.drop(ctx, id)
}

// Wire counts requests, and the bytes of their bodies.
func (d *driver) Wire() endpoint.Wire {
	w := d.client.wire
	return endpoint.Wire{Commands: w.commands.Load(), Sent: w.sent.Load(), Received: w.received.Load()}
}

// Close ends the requests in flight.
func (d *driver) Close() error {
	d.client.wire.close()
	return nil
}
