package endpoint

import (
	"context"
	"iter"
)

// Driver is what the author of an endpoint implements; programs use a [Mailbox]. Embed
// [Unimplemented], which answers everything optional with ErrUnsupported.
//
// The contract, which a Mailbox relies on and partly enforces, in short; the documentation of the
// package has it by numbered clauses:
//
//   - Methods are safe for concurrent use, by as many calls as Capabilities.Concurrency says.
//   - A sequence yields values, then at most one error, last. It can be ranged over once. Any
//     other method may be called from the body of the loop: a driver holds no connection while
//     it yields. Leaving the loop early leaves the driver usable.
//   - A method that is cancelled returns the error of the context soon, and starts no effect
//     afterwards.
//   - Errors carry a [Code] where the driver knows one (see [Errorf]). They hold no secret,
//     address or content. Connections are made and renewed by the driver: an error with code
//     Unavailable means that it has tried.
//   - Whatever the mailbox contains was chosen by an attacker. It must not reach a log, a path,
//     or another command unescaped, and memory must not follow its size.
//   - A driver that serves as a source changes nothing there, not even a flag.
type Driver interface {
	// Info is static and does not block.
	Info() Info

	// Capabilities connects if necessary, so wrong credentials show here.
	Capabilities(ctx context.Context) (Capabilities, error)

	// Folders lists every folder that can hold items, parents before children. A complete list or
	// an error: a folder that could not be looked at is never left out.
	Folders(ctx context.Context) iter.Seq2[Folder, error]

	// State returns the State of a folder now, where Folders cannot tell it. Since is an earlier one
	// under the same Validity, which is returned as it is exactly if no item came or went after it,
	// or empty. One that the endpoint does not know any more is no error: it returns another, and
	// List and Marks since the expired one yield everything. Empty is the state of a folder of which
	// nothing can be told.
	State(ctx context.Context, f Folder, since string) (string, error)

	// Stayed compares two States of a folder under one Validity, of which now is the later one, and
	// asks nobody. If none of the items that were there at since had left when the folder had the state
	// now, it returns which references were given before since; nil if one had, or if the states do not
	// tell.
	Stayed(since, now string) func(ref string) bool

	// List yields the items of a folder in an order that is the same every time. With since,
	// which is an earlier State of the folder under the same Validity, it may leave out items
	// that were there then. It fails with Stale if the Validity is not that of f.
	List(ctx context.Context, f Folder, since string) iter.Seq2[Item, error]

	// Outline yields what List would, with no more of each item than Ref, Kind, Received and Size,
	// for less: nobody looks at headers. Read tells the identities.
	Outline(ctx context.Context, f Folder, since string) iter.Seq2[Item, error]

	// Refs yields the Ref of every item of a folder, in the order of List. It is much cheaper
	// than List.
	Refs(ctx context.Context, f Folder) iter.Seq2[string, error]

	// Read yields the bodies of items of a folder, one for each ref, in any order. Together they
	// hold up to opts.Memory bytes in memory; the rest goes to temporary files.
	Read(ctx context.Context, f Folder, refs []string, opts ReadOptions) iter.Seq2[Body, error]

	// Marks yields the items of a folder that carry a field of the watermark's name, since as in
	// List. It sees every put that ended before the call, but for Capabilities.Visibility.
	Marks(ctx context.Context, f Folder, since string) iter.Seq2[Sighting, error]

	// Put writes items, each with its mark, and yields one result for each, in any order. Items
	// without a result when the sequence ends with an error are in doubt, unless the code of the
	// error says that they were refused (see Code.Refuses). Before a result or the end leaves an
	// item in doubt, the connection on which it was sent is dead.
	Put(ctx context.Context, f Folder, items []Put) iter.Seq2[PutResult, error]

	// Delete takes items out of a folder, and yields one result for each, in any order. They go to
	// the folder with role Trash, if there is one and f is another, else for good. No other item is
	// touched, whatever else is marked for deletion there. What has no result when the sequence ends
	// with an error may be gone or not; asking again harms nobody, since a Ref is never used again.
	Delete(ctx context.Context, f Folder, refs []string) iter.Seq2[Result, error]

	// Flags yields the flags of the named items of a folder, or of all with nil. Items that are gone
	// are left out.
	Flags(ctx context.Context, f Folder, refs []string) iter.Seq2[Flagging, error]

	// SetFlags changes the flags of items, and yields one result for each, in any order. Flags that
	// the mailbox does not keep are passed over.
	SetFlags(ctx context.Context, f Folder, changes []FlagChange) iter.Seq2[Result, error]

	// Find yields the items of a folder whose Message-ID (RFC 5322 section 3.6.4), or UID for what is
	// no mail, is id, brackets or none.
	Find(ctx context.Context, f Folder, id string) iter.Seq2[string, error]

	// CreateFolder creates a folder with the Path of f, whether it has parents or not, and returns
	// it as Folders would. A folder that exists is returned, without an error.
	CreateFolder(ctx context.Context, f Folder) (Folder, error)

	// DeleteFolder deletes a folder with all that it holds.
	DeleteFolder(ctx context.Context, f Folder) error

	// Subscribe makes the user's programs show the folder.
	Subscribe(ctx context.Context, f Folder) error

	// Quota returns how much room there is.
	Quota(ctx context.Context) (Quota, error)

	// Foresee says that up to so many calls at once are to come soon. A driver may make connections
	// for them; it does not wait for these, nor tell of what goes wrong.
	Foresee(ctx context.Context, calls int)

	// ForeseeOutlines says that Outline of some folders is to come soon, whole and once for each, by the same listing of
	// the folders. A driver may ask for these at once; what goes wrong shows when Outline is called. Outline by another
	// listing, with another State, must not miss what came in between.
	ForeseeOutlines(ctx context.Context, folders []Folder)

	// Wire returns the counters since the driver was made.
	Wire() Wire

	// Close ends calls in flight and closes connections. It may be called twice.
	Close() error

	mustEmbedUnimplemented()
}

// ReadOptions bounds what a Read may hold. The zero value keeps nothing in memory.
type ReadOptions struct {
	// Memory is how many bytes all bodies of the call may hold in memory together, as if none
	// were closed before the end.
	Memory int64
	// TempDir is where greater bodies go; empty means os.TempDir.
	TempDir string
	// Formats are those the caller accepts, best first, by kind. Nil accepts any.
	Formats map[Kind][]Format
}

// Unimplemented answers every optional method of a Driver with ErrUnsupported. Drivers embed it,
// so that methods can be added to the interface.
type Unimplemented struct{}

func (Unimplemented) mustEmbedUnimplemented() {} //nolint:unused // makes embedding the only way to be a Driver

func unsupported() error { return &Error{Code: Unsupported} }

// Foresee does nothing.
func (Unimplemented) Foresee(context.Context, int) {}

// ForeseeOutlines does nothing.
func (Unimplemented) ForeseeOutlines(context.Context, []Folder) {}

// State fails with ErrUnsupported.
func (Unimplemented) State(context.Context, Folder, string) (string, error) {
	return "", unsupported()
}

// Stayed says that states tell nothing of what is still there.
func (Unimplemented) Stayed(string, string) func(string) bool { return nil }

// Outline fails with ErrUnsupported.
func (Unimplemented) Outline(context.Context, Folder, string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) { yield(Item{}, unsupported()) }
}

// CreateFolder fails with ErrUnsupported.
func (Unimplemented) CreateFolder(context.Context, Folder) (Folder, error) {
	return Folder{}, unsupported()
}

// DeleteFolder fails with ErrUnsupported.
func (Unimplemented) DeleteFolder(context.Context, Folder) error { return unsupported() }

// Subscribe fails with ErrUnsupported.
func (Unimplemented) Subscribe(context.Context, Folder) error { return unsupported() }

// Quota fails with ErrUnsupported.
func (Unimplemented) Quota(context.Context) (Quota, error) { return Quota{}, unsupported() }

// Put fails with ErrUnsupported.
func (Unimplemented) Put(context.Context, Folder, []Put) iter.Seq2[PutResult, error] {
	return func(yield func(PutResult, error) bool) { yield(PutResult{}, unsupported()) }
}

// Delete fails with ErrUnsupported.
func (Unimplemented) Delete(context.Context, Folder, []string) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) { yield(Result{}, unsupported()) }
}

// Flags fails with ErrUnsupported.
func (Unimplemented) Flags(context.Context, Folder, []string) iter.Seq2[Flagging, error] {
	return func(yield func(Flagging, error) bool) { yield(Flagging{}, unsupported()) }
}

// SetFlags fails with ErrUnsupported.
func (Unimplemented) SetFlags(context.Context, Folder, []FlagChange) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) { yield(Result{}, unsupported()) }
}

// Find fails with ErrUnsupported.
func (Unimplemented) Find(context.Context, Folder, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", unsupported()) }
}

// Wire returns zero counters.
func (Unimplemented) Wire() Wire { return Wire{} }
