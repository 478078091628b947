package endpoint

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dandyroll/dandyroll/watermark"
)

// Mailbox is what programs hold: a Driver whose arguments are checked, whose missing abilities
// are refused before it is asked, whose errors are wrapped once, and whose sequences and bodies
// are held to their contract. It is safe for concurrent use.
type Mailbox struct {
	driver Driver
	closed atomic.Bool

	mu   sync.Mutex
	caps *Capabilities
}

// New returns the mailbox over a driver. It is called by the packages of drivers.
func New(d Driver) *Mailbox { return &Mailbox{driver: d} }

// Driver returns the driver beneath, for what only it can do.
func (m *Mailbox) Driver() Driver { return m.driver }

// Info says what the mailbox is, without talking to it.
func (m *Mailbox) Info() Info { return m.driver.Info() }

// Wire returns what went over the mailbox's connections so far.
func (m *Mailbox) Wire() Wire { return m.driver.Wire() }

// Foresee says that up to so many calls at once are to come soon, no more than Capabilities.Concurrency. Connections
// can be made for them meanwhile, which are of no use to anybody if the calls do not come.
func (m *Mailbox) Foresee(ctx context.Context, calls int) {
	if !m.closed.Load() {
		m.driver.Foresee(ctx, calls)
	}
}

// ForeseeOutlines says that Outline of some folders is to come soon, without a state and once for each, as they were listed. It can be
// answered sooner then; what is not asked for takes memory until the next such call, or Close.
func (m *Mailbox) ForeseeOutlines(ctx context.Context, folders []Folder) {
	if !m.closed.Load() {
		m.driver.ForeseeOutlines(ctx, folders)
	}
}

// Close ends the calls in flight and closes all connections. Closing twice is no error.
func (m *Mailbox) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	return m.wrap("close", m.driver.Close())
}

// Capabilities returns what this session can do, connecting if necessary.
func (m *Mailbox) Capabilities(ctx context.Context) (Capabilities, error) {
	if err := m.ready(ctx, "connect"); err != nil {
		return Capabilities{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.caps != nil {
		return *m.caps, nil
	}
	if err := (watermark.Types{Source: m.Info().Type, Destination: m.Info().Type}).Validate(); err != nil {
		return Capabilities{}, m.fail("connect", Invalid, err)
	}
	caps, err := m.driver.Capabilities(ctx)
	if err != nil {
		return Capabilities{}, m.wrap("connect", err)
	}
	caps.Concurrency = max(caps.Concurrency, 1)
	m.caps = &caps
	return caps, nil
}

// Folders lists every folder that can hold items, parents before children.
func (m *Mailbox) Folders(ctx context.Context) iter.Seq2[Folder, error] {
	return guard(m, ctx, "folders", func() iter.Seq2[Folder, error] { return m.driver.Folders(ctx) }, checkFolder)
}

func checkFolder(f Folder) error {
	if f.ID == "" || len(f.Path) == 0 || slices.Contains(f.Path, "") {
		return errors.New("driver listed a folder without ID or path")
	}
	return nil
}

// State returns the State of a folder now: since, an earlier one under the same Validity, if no item
// came or went after it, else another. Empty since asks for one to begin with. It may be empty where
// nothing can be told of the folder.
func (m *Mailbox) State(ctx context.Context, f Folder, since string) (string, error) {
	if err := m.able(ctx, "state", func(c Capabilities) bool { return c.StateSince }); err != nil {
		return "", err
	}
	state, err := m.driver.State(ctx, f, since)
	return state, m.wrap("state", err)
}

// Stayed compares two States of a folder under one Validity, of which now is the later one, and asks
// nobody. If none of the items that were there at since had left when the folder had the state now, it
// returns which references were given before since: what is known by one of them to have been there is
// there still. It is nil if an item had left, or if the states do not tell.
func (m *Mailbox) Stayed(since, now string) func(ref string) bool {
	return m.driver.Stayed(since, now)
}

// List yields the items of a folder. With since, an earlier State of the folder under the same
// Validity, it may leave out items that were there then.
func (m *Mailbox) List(ctx context.Context, f Folder, since string) iter.Seq2[Item, error] {
	return guard(m, ctx, "list", func() iter.Seq2[Item, error] { return m.driver.List(ctx, f, since) }, checkItem)
}

func checkItem(it Item) error {
	if it.Ref == "" || it.Kind == 0 {
		return errors.New("driver listed an item without reference or kind")
	}
	return nil
}

// Outline yields the items of a folder as List does, with no more of each than Ref, Kind, Received and
// Size: Identity, Marks and Sent are missing. It costs less, and Read tells the identities. Without
// Capabilities.Outlines it is Unsupported.
func (m *Mailbox) Outline(ctx context.Context, f Folder, since string) iter.Seq2[Item, error] {
	return gated(m, ctx, "list", func(c Capabilities) bool { return c.Outlines },
		guard(m, ctx, "list", func() iter.Seq2[Item, error] { return m.driver.Outline(ctx, f, since) }, checkItem))
}

// Refs yields the reference of every item of a folder.
func (m *Mailbox) Refs(ctx context.Context, f Folder) iter.Seq2[string, error] {
	return guard(m, ctx, "list", func() iter.Seq2[string, error] { return m.driver.Refs(ctx, f) }, nil)
}

// Marks yields the items of a folder that carry a field of the watermark's name; since as in List.
func (m *Mailbox) Marks(ctx context.Context, f Folder, since string) iter.Seq2[Sighting, error] {
	return guard(m, ctx, "scan", func() iter.Seq2[Sighting, error] { return m.driver.Marks(ctx, f, since) }, nil)
}

// Read yields the bodies of the named items of a folder, one for each, in any order. The caller
// closes the contents, and reads them to their end: one that ends early, or goes on beyond its
// size, fails instead.
func (m *Mailbox) Read(ctx context.Context, f Folder, refs []string, opts ReadOptions) iter.Seq2[Body, error] {
	seq := guard(m, ctx, "read", func() iter.Seq2[Body, error] { return m.driver.Read(ctx, f, refs, opts) }, checkBody)
	return func(yield func(Body, error) bool) {
		for b, err := range seq {
			b.Err = m.wrap("read", b.Err)
			if b.Content != nil {
				b.Content = exactContent{b.Content}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

func checkBody(b Body) error {
	if (b.Content == nil) == (b.Err == nil) {
		return errors.New("driver returned neither a body nor an error, or both")
	}
	return nil
}

// Put writes items into a folder, each with its mark, and yields one result for each. No two may
// have the same mark. Items without a result are in doubt when the sequence ends with an error,
// unless its code says that they were refused; without one, an item for which the driver gave no
// result gets one with code InDoubt.
func (m *Mailbox) Put(ctx context.Context, f Folder, items []Put) iter.Seq2[PutResult, error] {
	seq := guard(m, ctx, "put", func() iter.Seq2[PutResult, error] { return m.driver.Put(ctx, f, items) }, nil)
	return func(yield func(PutResult, error) bool) {
		open, err := openMarks(items)
		if err != nil {
			yield(PutResult{}, m.fail("put", Invalid, err))
			return
		}
		for r, err := range seq {
			if err == nil && !open[r.Mark] {
				err = m.fail("put", InDoubt, errors.New("driver answered for an item that was not asked for"))
			}
			if err != nil {
				yield(PutResult{}, err)
				return
			}
			delete(open, r.Mark)
			r.Err = m.wrap("put", r.Err)
			if !yield(r, nil) {
				return
			}
		}
		for _, it := range items {
			if open[it.Mark] && !yield(PutResult{Mark: it.Mark, Err: m.fail("put", InDoubt, errors.New("no answer"))}, nil) {
				return
			}
		}
	}
}

// openMarks returns the marks of items to be put, all of which wait for a result.
func openMarks(items []Put) (map[watermark.Mark]bool, error) {
	open := make(map[watermark.Mark]bool, len(items))
	for _, it := range items {
		if err := checkPut(it); err != nil {
			return nil, err
		}
		if open[it.Mark] {
			return nil, errors.New("two items to put have the same mark")
		}
		open[it.Mark] = true
	}
	return open, nil
}

func checkPut(p Put) error {
	if p.Kind == 0 || p.Content == nil || p.Content.Size() < 0 {
		return errors.New("item to put has no kind, content or size")
	}
	return p.Mark.Types.Validate()
}

// Delete takes items out of a folder: to the folder with role Trash, if there is one and f is
// another, else for good. No item may be named twice. It yields one result for each; what has none
// when the sequence ends with an error may be gone or not, and can be deleted again.
func (m *Mailbox) Delete(ctx context.Context, f Folder, refs []string) iter.Seq2[Result, error] {
	return answers(m, ctx, "delete", refs, func(c Capabilities) bool { return c.Delete },
		func() iter.Seq2[Result, error] { return m.driver.Delete(ctx, f, refs) })
}

// SetFlags changes the flags of items, none of which may be named twice, and yields one result for
// each. Flags that the mailbox does not keep are passed over.
func (m *Mailbox) SetFlags(ctx context.Context, f Folder, changes []FlagChange) iter.Seq2[Result, error] {
	refs := make([]string, len(changes))
	for i, c := range changes {
		refs[i] = c.Ref
	}
	return answers(m, ctx, "set flags", refs, func(c Capabilities) bool { return c.SetFlags },
		func() iter.Seq2[Result, error] { return m.driver.SetFlags(ctx, f, changes) })
}

// Flags yields the flags of the named items of a folder, or of all with nil. Items that are gone
// are left out.
func (m *Mailbox) Flags(ctx context.Context, f Folder, refs []string) iter.Seq2[Flagging, error] {
	return gated(m, ctx, "flags", func(c Capabilities) bool { return c.Flags },
		guard(m, ctx, "flags", func() iter.Seq2[Flagging, error] { return m.driver.Flags(ctx, f, refs) }, nil))
}

// Find yields the items of a folder whose Message-ID, or UID for what is no mail, is id, with
// angle brackets or without.
func (m *Mailbox) Find(ctx context.Context, f Folder, id string) iter.Seq2[string, error] {
	return gated(m, ctx, "find", func(c Capabilities) bool { return c.Find },
		guard(m, ctx, "find", func() iter.Seq2[string, error] { return m.driver.Find(ctx, f, id) }, nil))
}

// gated yields an error in place of a sequence that the capabilities deny.
func gated[T any](m *Mailbox, ctx context.Context, op string, can func(Capabilities) bool, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := m.able(ctx, op, can); err != nil {
			var zero T
			yield(zero, err)
			return
		}
		seq(yield)
	}
}

// answers holds a driver to one result for each reference.
func answers(m *Mailbox, ctx context.Context, op string, refs []string, can func(Capabilities) bool,
	start func() iter.Seq2[Result, error],
) iter.Seq2[Result, error] {
	seq := guard(m, ctx, op, start, nil)
	return gated(m, ctx, op, can, func(yield func(Result, error) bool) {
		open := make(map[string]bool, len(refs))
		for _, ref := range refs {
			open[ref] = true
		}
		if len(open) < len(refs) {
			yield(Result{}, m.fail(op, Invalid, errors.New("an item is named twice")))
			return
		}
		for r, err := range seq {
			if err == nil && !open[r.Ref] {
				err = m.fail(op, Damaged, errors.New("driver answered for an item that was not asked for"))
			}
			if err != nil {
				yield(Result{}, err)
				return
			}
			delete(open, r.Ref)
			r.Err = m.wrap(op, r.Err)
			if !yield(r, nil) {
				return
			}
		}
		if len(open) > 0 {
			yield(Result{}, m.fail(op, InDoubt, errors.New("no answer for some items")))
		}
	})
}

// CreateFolder creates a folder with the Path of f, whether it has parents or not, and returns it.
// A folder that exists is returned, without an error.
func (m *Mailbox) CreateFolder(ctx context.Context, f Folder) (Folder, error) {
	if err := m.able(ctx, "create folder", func(c Capabilities) bool { return c.CreateFolder }); err != nil {
		return Folder{}, err
	}
	if len(f.Path) == 0 || slices.Contains(f.Path, "") {
		return Folder{}, m.fail("create folder", Invalid, errors.New("a component of the path is empty"))
	}
	made, err := m.driver.CreateFolder(ctx, f)
	return made, m.wrap("create folder", err)
}

// DeleteFolder deletes a folder with all that it holds.
func (m *Mailbox) DeleteFolder(ctx context.Context, f Folder) error {
	if err := m.able(ctx, "delete folder", func(c Capabilities) bool { return c.DeleteFolder }); err != nil {
		return err
	}
	return m.wrap("delete folder", m.driver.DeleteFolder(ctx, f))
}

// Subscribe makes the user's programs show the folder.
func (m *Mailbox) Subscribe(ctx context.Context, f Folder) error {
	if err := m.able(ctx, "subscribe", func(c Capabilities) bool { return c.Subscribe }); err != nil {
		return err
	}
	return m.wrap("subscribe", m.driver.Subscribe(ctx, f))
}

// Quota returns how much room there is, or ErrUnsupported.
func (m *Mailbox) Quota(ctx context.Context) (Quota, error) {
	if err := m.ready(ctx, "quota"); err != nil {
		return Quota{}, err
	}
	q, err := m.driver.Quota(ctx)
	return q, m.wrap("quota", err)
}

// ready refuses calls on a closed mailbox or with a context that has ended.
func (m *Mailbox) ready(ctx context.Context, op string) error {
	if m.closed.Load() {
		return m.fail(op, Invalid, errors.New("mailbox is closed"))
	}
	return ctx.Err()
}

// able refuses what the capabilities deny, before the driver is asked.
func (m *Mailbox) able(ctx context.Context, op string, can func(Capabilities) bool) error {
	caps, err := m.Capabilities(ctx)
	if err != nil {
		return err
	}
	if !can(caps) {
		return m.fail(op, Unsupported, nil)
	}
	return m.ready(ctx, op)
}

func (m *Mailbox) fail(op string, code Code, err error) error {
	return &Error{Op: op, Driver: m.Info().Type, Code: code, Err: err}
}

// wrap makes err an *Error that says what was tried, unless it is one already or of a context. A
// driver's error comes first: its cause may be a timeout of the driver's own, and those of package
// net satisfy errors.Is for context.DeadlineExceeded.
func (m *Mailbox) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Op != "" {
			return err
		}
		named := *e
		named.Op, named.Driver = op, m.Info().Type
		return &named
	}
	if isContext(err) {
		return err
	}
	return m.fail(op, Unknown, err)
}

// guard holds a driver's sequence to its contract: checked values, one wrapped error, last, and
// one range only.
func guard[T any](m *Mailbox, ctx context.Context, op string, start func() iter.Seq2[T, error], check func(T) error) iter.Seq2[T, error] {
	var used atomic.Bool
	return func(yield func(T, error) bool) {
		var zero T
		if err := m.ready(ctx, op); err != nil {
			yield(zero, err)
			return
		}
		if used.Swap(true) {
			yield(zero, m.fail(op, Invalid, errors.New("a sequence can be used once only")))
			return
		}
		for v, err := range start() {
			if err == nil && check != nil {
				if bad := check(v); bad != nil {
					err = m.fail(op, Damaged, bad)
				}
			}
			if err != nil {
				yield(zero, m.wrap(op, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// exactContent makes readers of a content fail where it is shorter or longer than it says.
type exactContent struct{ Content }

func (c exactContent) Open() (io.ReadCloser, error) {
	r, err := c.Content.Open()
	if err != nil {
		return nil, err
	}
	return &exactReader{ReadCloser: r, left: c.Size()}, nil
}

type exactReader struct {
	io.ReadCloser
	left int64
}

func (r *exactReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.left -= int64(n)
	switch {
	case r.left < 0:
		return n, Errorf(Damaged, "body is longer than its stated size")
	case err == io.EOF && r.left > 0:
		return n, Errorf(Damaged, "body is shorter than its stated size: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}
