package graphendpoint

import (
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// shelf is what can be done with the folders of one sort: of mail, calendars, contacts, task lists, notes or journal entries. The driver
// finds the shelf of a folder, runs items in parallel, and bounds memory; a shelf does one thing at a time and is safe for concurrent use.
// Folder IDs are those of Graph, without the sort; the driver adds sort and kind, and to results the Ref or Mark that was asked for. Errors come from the client, or are made with endpoint.Errorf.
type shelf interface {
	// probe asks for the cheapest thing of the sort, to learn whether it may be reached.
	probe(ctx context.Context) error
	// folders lists all folders of the sort, parents first, with whole paths.
	folders(ctx context.Context) ([]endpoint.Folder, error)
	// create makes a folder with a path, and its parents, where they do not exist, and returns it as folders would.
	create(ctx context.Context, path []string) (endpoint.Folder, error)
	// drop deletes a folder with all it holds.
	drop(ctx context.Context, folder string) error

	// state returns the state of a folder now; since is an earlier one, or empty, and is returned as it is where nothing
	// changed after it.
	state(ctx context.Context, folder, since string) (string, error)
	// list, refs and marks are those of a Driver.
	list(ctx context.Context, folder, since string) iter.Seq2[endpoint.Item, error]
	refs(ctx context.Context, folder string) iter.Seq2[string, error]
	marks(ctx context.Context, folder, since string) iter.Seq2[endpoint.Sighting, error]

	// read returns one item; reading.content makes a content within the bounds of the call.
	read(ctx context.Context, folder, ref string, opts reading) endpoint.Body
	// put writes one item. Its error has code InDoubt if the item may be there, as the errors of the client do after an unclear answer
	// to a create.
	put(ctx context.Context, folder string, item endpoint.Put) endpoint.PutResult
	// remove takes one item to the trash, or deletes it for good where there is none, or where it is in the trash.
	remove(ctx context.Context, folder, ref string) error
	// find returns the items with a Message-ID or UID.
	find(ctx context.Context, folder, id string) iter.Seq2[string, error]
	// flags and setFlags are those of a Driver, one item for setFlags. Sorts without flags yield nothing, and change nothing.
	flags(ctx context.Context, folder string, refs []string) iter.Seq2[endpoint.Flagging, error]
	setFlags(ctx context.Context, folder string, change endpoint.FlagChange) error
}

// flagless is the part of a shelf whose items have no flags.
type flagless struct{}

func (flagless) flags(context.Context, string, []string) iter.Seq2[endpoint.Flagging, error] {
	return none[endpoint.Flagging]()
}

func (flagless) setFlags(context.Context, string, endpoint.FlagChange) error { return nil }

// reading bounds one body.
type reading struct {
	room    *room
	tempDir string
	// formats are those the caller accepts, best first; nil accepts any.
	formats []endpoint.Format
}

// accepts reports whether the caller accepts a format.
func (o reading) accepts(f endpoint.Format) bool {
	return o.formats == nil || slices.Contains(o.formats, f)
}

// prefers reports whether a format is the one that the caller likes best. Who accepts any gets a portable one.
func (o reading) prefers(f endpoint.Format) bool { return len(o.formats) > 0 && o.formats[0] == f }
