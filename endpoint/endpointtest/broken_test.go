package endpointtest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// brokenVariable names the fault of the driver that TestBroken runs the suite against.
const brokenVariable = "DANDYROLL_TEST_BROKEN_DRIVER"

// TestSuiteFindsFaults breaks one clause at a time and makes sure that the case of that clause, run
// in a process of its own, fails.
func TestSuiteFindsFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$/^"+fault.clause+"$", "-test.timeout=60s")
			child.Env = append(os.Environ(), brokenVariable+"="+name)
			out, err := child.CombinedOutput()
			_, failed := errors.AsType[*exec.ExitError](err)
			if !failed || !bytes.Contains(out, []byte("--- FAIL: TestBroken/"+fault.clause)) {
				t.Errorf("the suite does not find it: %v\n%s", err, out)
			}
		})
	}
}

// TestBroken is what TestSuiteFindsFaults runs; by itself, it runs the suite against a driver
// without fault.
func TestBroken(t *testing.T) {
	t.Parallel()
	broken := faults()[os.Getenv(brokenVariable)]
	quirks := memendpoint.Quirks{StateSince: broken.clause == "E40", Outlines: broken.clause == "E41" || broken.clause == "E31"}
	endpointtest.Run(t, endpointtest.Config{
		New: func(t testing.TB) endpointtest.Fixture {
			return &fixture{t: t, server: memendpoint.NewServer(), quirks: quirks, wrap: broken.wrap}
		},
		Around: synctest.Test,
	})
}

// fault is a way to break a clause.
type fault struct {
	clause string
	wrap   func(*broken)
}

// broken is a driver whose answers are changed on their way.
type broken struct {
	endpoint.Driver
	caps      func(endpoint.Capabilities) endpoint.Capabilities
	folders   func([]endpoint.Folder) []endpoint.Folder
	state     func(since, state string) (string, error)
	stayed    func(since, now string) func(ref string) bool
	list      func(since string, items []endpoint.Item) []endpoint.Item
	outline   func([]endpoint.Item) []endpoint.Item
	foreseen  func([]endpoint.Item) []endpoint.Item // instead of outline, once it was foreseen
	refs      func([]string) []string
	marks     func([]endpoint.Sighting) []endpoint.Sighting
	bodies    func([]endpoint.Body) []endpoint.Body
	options   func(endpoint.ReadOptions) endpoint.ReadOptions
	items     func([]endpoint.Put) []endpoint.Put
	results   func([]endpoint.PutResult) []endpoint.PutResult
	context   func(context.Context) context.Context
	fails     func(error) error // changes errors of sequences
	reading   func(context.Context, endpoint.Folder)
	deleting  func(ctx context.Context, f endpoint.Folder, refs []string) []string
	careless  bool // deletes under any validity
	emptying  bool // of the trash, after deletions
	answers   func([]endpoint.Result) []endpoint.Result
	flags     func([]endpoint.Flagging) []endpoint.Flagging
	changes   func([]endpoint.FlagChange) []endpoint.FlagChange
	id        func(string) string
	found     func([]string) []string
	create    func(endpoint.Folder) (endpoint.Folder, error)
	forget    bool // deletes, subscribes and closes nothing
	quota     *endpoint.Quota
	slots     chan struct{} // taken while a sequence is ranged over
	keepSlots bool          // when the loop is left early
}

func change[T any](d *broken, seq iter.Seq2[T, error], f func([]T) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if d.slots != nil {
			d.slots <- struct{}{}
		}
		var values []T
		var end error
		for v, err := range seq {
			if end = err; err == nil {
				values = append(values, v)
			}
		}
		if f != nil && end == nil {
			values = f(values)
		}
		for _, v := range values {
			if !yield(v, nil) {
				if d.slots != nil && !d.keepSlots {
					<-d.slots
				}
				return
			}
		}
		if d.slots != nil {
			<-d.slots
		}
		if end != nil && d.fails != nil {
			end = d.fails(end)
		}
		if end != nil {
			var none T
			yield(none, end)
		}
	}
}

func (d *broken) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	caps, err := d.Driver.Capabilities(ctx)
	if d.caps != nil {
		caps = d.caps(caps)
	}
	return caps, err
}

func (d *broken) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return change(d, d.Driver.Folders(ctx), d.folders)
}

func (d *broken) State(ctx context.Context, f endpoint.Folder, since string) (string, error) {
	state, err := d.Driver.State(ctx, f, since)
	if d.state != nil && err == nil {
		state, err = d.state(since, state)
	}
	return state, err
}

func (d *broken) Stayed(since, now string) func(string) bool {
	if d.stayed != nil {
		return d.stayed(since, now)
	}
	return d.Driver.Stayed(since, now)
}

// newcomersStayed tells of all items where nothing left.
func (d *broken) newcomersStayed(since, now string) func(string) bool {
	if d.Driver.Stayed(since, now) == nil {
		return nil
	}
	return always
}

func always(string) bool { return true }

func (d *broken) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	var with func([]endpoint.Item) []endpoint.Item
	if d.list != nil {
		with = func(items []endpoint.Item) []endpoint.Item { return d.list(since, items) }
	}
	return change(d, d.Driver.List(ctx, f, since), with)
}

func (d *broken) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return change(d, d.Driver.Outline(ctx, f, since), d.outline)
}

func (d *broken) ForeseeOutlines(context.Context, []endpoint.Folder) {
	if d.foreseen != nil {
		d.outline = d.foreseen
	}
}

func (d *broken) Refs(ctx context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return change(d, d.Driver.Refs(ctx, f), d.refs)
}

func (d *broken) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return change(d, d.Driver.Marks(ctx, f, since), d.marks)
}

func (d *broken) Read(ctx context.Context, f endpoint.Folder, refs []string, opts endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	if d.options != nil {
		opts = d.options(opts)
	}
	if d.reading != nil {
		d.reading(ctx, f)
	}
	return change(d, d.Driver.Read(ctx, f, refs, opts), d.bodies)
}

func (d *broken) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	if d.items != nil {
		items = d.items(slices.Clone(items))
	}
	if d.context != nil {
		ctx = d.context(ctx)
	}
	return change(d, d.Driver.Put(ctx, f, items), d.results)
}

func (d *broken) Delete(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Result, error] {
	more := refs
	if d.deleting != nil {
		more = d.deleting(ctx, f, refs)
	}
	if d.careless {
		f = d.renewed(ctx, f)
	}
	return change(d, d.Driver.Delete(ctx, f, more), func(results []endpoint.Result) []endpoint.Result {
		if d.emptying && f.Role != endpoint.Trash {
			d.emptyTrash(ctx)
		}
		if d.answers != nil {
			results = d.answers(results)
		}
		return slices.DeleteFunc(results, func(r endpoint.Result) bool { return !slices.Contains(refs, r.Ref) })
	})
}

// values yields what a sequence does, up to an error.
func values[T any](seq iter.Seq2[T, error]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v, err := range seq {
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// renewed returns a folder with the validity that it has now.
func (d *broken) renewed(ctx context.Context, f endpoint.Folder) endpoint.Folder {
	for g := range values(d.Driver.Folders(ctx)) {
		if g.ID == f.ID {
			return g
		}
	}
	return f
}

// emptyTrash deletes for good what was deleted.
func (d *broken) emptyTrash(ctx context.Context) {
	for f := range values(d.Driver.Folders(ctx)) {
		if f.Role != endpoint.Trash {
			continue
		}
		for ref := range values(d.Driver.Refs(ctx, f)) {
			for range values(d.Driver.Delete(ctx, f, []string{ref})) {
				continue
			}
		}
	}
}

func (d *broken) Flags(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Flagging, error] {
	return change(d, d.Driver.Flags(ctx, f, refs), d.flags)
}

func (d *broken) SetFlags(ctx context.Context, f endpoint.Folder, list []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
	if d.changes != nil {
		list = d.changes(slices.Clone(list))
	}
	return change(d, d.Driver.SetFlags(ctx, f, list), d.answers)
}

func (d *broken) Find(ctx context.Context, f endpoint.Folder, id string) iter.Seq2[string, error] {
	if d.id != nil {
		id = d.id(id)
	}
	return change(d, d.Driver.Find(ctx, f, id), d.found)
}

func (d *broken) CreateFolder(ctx context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	if d.create != nil {
		return d.create(f)
	}
	return d.Driver.CreateFolder(ctx, f)
}

func (d *broken) DeleteFolder(ctx context.Context, f endpoint.Folder) error {
	if d.forget {
		return nil
	}
	return d.Driver.DeleteFolder(ctx, f)
}

func (d *broken) Subscribe(ctx context.Context, f endpoint.Folder) error {
	if d.forget {
		return nil
	}
	return d.Driver.Subscribe(ctx, f)
}

func (d *broken) Close() error {
	if d.forget {
		return nil
	}
	return d.Driver.Close()
}

func (d *broken) Quota(ctx context.Context) (endpoint.Quota, error) {
	if d.quota != nil {
		return *d.quota, nil
	}
	return d.Driver.Quota(ctx)
}

// each makes a change of all values from the change of one.
func each[T any](f func(*T)) func([]T) []T {
	return func(values []T) []T {
		for i := range values {
			f(&values[i])
		}
		return values
	}
}

func reversed[T any](values []T) []T {
	slices.Reverse(values)
	return values
}

func cut[T any](values []T) []T { return values[:max(len(values)-1, 0)] }

// faults are the ways in which drivers were seen, or feared, to go wrong.
func faults() map[string]fault {
	return map[string]fault{
		"capabilities differ":   {"E01", func(d *broken) { d.caps = differing() }},
		"children first":        {"E02", func(d *broken) { d.folders = reversed }},
		"a folder is missing":   {"E02", func(d *broken) { d.folders = cut }},
		"names are trimmed":     {"E03", func(d *broken) { d.folders = each(trimName) }},
		"IDs of the session":    {"E04", func(d *broken) { d.folders = each(func(f *endpoint.Folder) { f.Validity += time.Now().String() }) }},
		"existing folder fails": {"E05", func(d *broken) { d.create = existing }},
		"items are not counted": {"E05", func(d *broken) { d.folders = each(func(f *endpoint.Folder) { f.Items = 0 }) }},
		"an item is missing":    {"E06", func(d *broken) { d.list = func(_ string, items []endpoint.Item) []endpoint.Item { return cut(items) } }},
		"another order":         {"E06", func(d *broken) { d.refs = reversed }},
		"the newest is missing": {"E07", func(d *broken) { d.list = cutSince }},
		"the state stays":       {"E08", func(d *broken) { d.folders = each(func(f *endpoint.Folder) { f.State = "same" }) }},
		"stale is not found":    {"E09", func(d *broken) { d.fails = notFound }},
		"one call at a time":    {"E10", func(d *broken) { d.slots = make(chan struct{}, 1) }},
		"left loops stay open":  {"E11", func(d *broken) { d.slots, d.keepSlots = make(chan struct{}, 4), true }},
		"identity is the ref":   {"E12", func(d *broken) { d.list = identities(func(it *endpoint.Item) { it.Identity = it.Ref }) }},
		"twins share one": {"E12", func(d *broken) {
			d.caps = func(c endpoint.Capabilities) endpoint.Capabilities { c.Identity = ""; return c }
		}},
		"one identity":           {"E12", func(d *broken) { d.list = identities(func(it *endpoint.Item) { it.Identity = "same" }) }},
		"a body is missing":      {"E13", func(d *broken) { d.bodies = cut }},
		"gone is damaged":        {"E13", func(d *broken) { d.bodies = each(damage) }},
		"a body is cut":          {"E14", func(d *broken) { d.bodies = each(cutBody) }},
		"all in memory":          {"E15", func(d *broken) { d.options = allInMemory }},
		"marks are missing":      {"E16", func(d *broken) { d.marks = cut }},
		"a line is added":        {"E17", func(d *broken) { d.items = each(addLine) }},
		"flags go in silence":    {"E18", func(d *broken) { d.items = each(func(p *endpoint.Put) { p.Flags = nil }) }},
		"seen is dropped":        {"E18", dropSeen},
		"an hour is lost":        {"E19", func(d *broken) { d.items = each(func(p *endpoint.Put) { p.Received = p.Received.Add(-time.Hour) }) }},
		"odd flags are refused":  {"E20", func(d *broken) { d.items = each(refuseOddFlags) }},
		"too large is rejected":  {"E21", func(d *broken) { d.results = each(rejectTooLarge) }},
		"broken bodies are kept": {"E22", func(d *broken) { d.items = each(keepBroken) }},
		"twins are one":          {"E23", func(d *broken) { d.items = dropTwins }},
		"reading leaves traces": {"E24", func(d *broken) {
			d.reading = func(ctx context.Context, f endpoint.Folder) { _ = d.Driver.Subscribe(ctx, f) }
		}},
		"a put is never ended":  {"E25", func(d *broken) { d.context = context.WithoutCancel }},
		"a session stays open":  {"E26", func(d *broken) { d.forget = true }},
		"every seventh is lost": {"E27", func(d *broken) { d.items = loseSome() }},
		"nothing is subscribed": {"E28", func(d *broken) { d.forget = true }},
		"nothing is deleted":    {"E29", func(d *broken) { d.forget = true }},
		"an error tells":        {"E30", func(d *broken) { d.bodies = each(tell) }},
		"what is denied works": {"E31", func(d *broken) {
			d.caps = func(c endpoint.Capabilities) endpoint.Capabilities { c.Subscribe = false; return c }
		}},
		"the quota is less": {"E32", func(d *broken) { d.quota = &endpoint.Quota{Used: -7} }},
		"contacts become nothing": {"E33", func(d *broken) {
			d.items = func(items []endpoint.Put) []endpoint.Put { return slices.DeleteFunc(items, isContact) }
		}},
		"a plain EXPUNGE":      {"E34", func(d *broken) { d.deleting = withMarked(d) }},
		"any validity will do": {"E34", func(d *broken) { d.careless = true }},
		"deleted is lost":      {"E34", func(d *broken) { d.emptying = true }},
		"gone is deleted":      {"E34", func(d *broken) { d.answers = each(func(r *endpoint.Result) { r.Err = nil }) }},
		"an answer is missing": {"E34", func(d *broken) { d.answers = cut }},
		"flags are missing":    {"E35", func(d *broken) { d.flags = cut }},
		"a flag is missing":    {"E35", func(d *broken) { d.flags = each(func(g *endpoint.Flagging) { g.Flags = cut(g.Flags) }) }},
		"flags leave the state": {"E35", func(d *broken) {
			d.folders = each(func(f *endpoint.Folder) { f.State = f.State[:strings.LastIndex(f.State, ".")] })
		}},
		"flags are only added": {"E36", func(d *broken) { d.changes = each(func(c *endpoint.FlagChange) { c.Remove = nil }) }},
		"flags are replaced":   {"E36", func(d *broken) { d.changes = each(replaceFlags) }},
		"odd flags fail":       {"E36", func(d *broken) { d.changes = each(refuseOddChanges) }},
		"IDs in lower case":    {"E37", func(d *broken) { d.id = strings.ToLower }},
		"IDs end at a quote":   {"E37", func(d *broken) { d.id = func(id string) string { id, _, _ = strings.Cut(id, `"`); return id } }},
		"twins are not found":  {"E37", func(d *broken) { d.found = func(refs []string) []string { return refs[:min(len(refs), 1)] } }},
		"versions stay":        {"E38", func(d *broken) { d.list = identities(func(it *endpoint.Item) { it.Version = "1" }) }},
		"versions of listings": {"E38", func(d *broken) { d.list = countingVersions() }},
		"versions are denied": {"E38", func(d *broken) {
			d.caps = func(c endpoint.Capabilities) endpoint.Capabilities { c.Versions = false; return c }
		}},
		"changes are not new": {"E38", func(d *broken) { d.list = cutSince }},
		"sent is received":    {"E39", func(d *broken) { d.list = identities(func(it *endpoint.Item) { it.Sent = it.Received }) }},
		"nothing was sent":    {"E39", func(d *broken) { d.list = identities(func(it *endpoint.Item) { it.Sent = time.Time{} }) }},
		"always another state": {"E40", func(d *broken) {
			d.state = func(since, state string) (string, error) { return since + "+" + state, nil }
		}},
		"the old state stays": {"E40", func(d *broken) {
			d.state = func(since, state string) (string, error) { return cmp.Or(since, state), nil }
		}},
		"expired is an error":       {"E40", func(d *broken) { d.state = failExpired }},
		"expired misses one":        {"E40", func(d *broken) { d.list = cutSince }},
		"everything stays":          {"E42", func(d *broken) { d.stayed = func(string, string) func(string) bool { return always } }},
		"newcomers stayed":          {"E42", func(d *broken) { d.stayed = d.newcomersStayed }},
		"an outline misses one":     {"E41", func(d *broken) { d.outline = cut }},
		"a foreseen one misses one": {"E41", func(d *broken) { d.foreseen = cut }},
		"outlines are reversed":     {"E41", func(d *broken) { d.outline = reversed }},
		"outlines are undated":      {"E41", func(d *broken) { d.outline = each(func(it *endpoint.Item) { it.Received = time.Time{} }) }},
		"outlines are of notes":     {"E41", func(d *broken) { d.outline = each(func(it *endpoint.Item) { it.Kind = endpoint.Note }) }},
		"a body has no identity": {"E41", func(d *broken) {
			d.bodies = each(func(b *endpoint.Body) { b.Identity = "" })
		}},
		"a body has another identity": {"E41", func(d *broken) {
			d.bodies = each(func(b *endpoint.Body) {
				if b.Err == nil {
					b.Identity += " " + strconv.FormatInt(b.Content.Size(), 10)
				}
			})
		}},
		"what is gone has an identity": {"E41", func(d *broken) {
			d.bodies = each(func(b *endpoint.Body) { b.Identity = cmp.Or(b.Identity, "gone") })
		}},
		"stale outlines are not found": {"E41", func(d *broken) { d.fails = notFound }},
		"denied outlines work": {"E31", func(d *broken) {
			d.caps = func(c endpoint.Capabilities) endpoint.Capabilities { c.Outlines = false; return c }
		}},
		"denied deletion works": {"E31", func(d *broken) {
			d.caps = func(c endpoint.Capabilities) endpoint.Capabilities { c.Delete = false; return c }
		}},
		"denied search works": {"E31", func(d *broken) {
			d.caps = func(c endpoint.Capabilities) endpoint.Capabilities { c.Find = false; return c }
		}},
	}
}

func differing() func(endpoint.Capabilities) endpoint.Capabilities {
	calls := int64(0)
	return func(c endpoint.Capabilities) endpoint.Capabilities {
		calls++
		c.MaxItem = calls
		return c
	}
}

func trimName(f *endpoint.Folder) {
	for i, name := range f.Path {
		if name = strings.TrimSpace(name); name != "" {
			f.Path[i] = name
		}
	}
}

func existing(f endpoint.Folder) (endpoint.Folder, error) {
	return endpoint.Folder{}, endpoint.Errorf(endpoint.Exists, "no")
}

func cutSince(since string, items []endpoint.Item) []endpoint.Item {
	if since != "" {
		return cut(items)
	}
	return items
}

// dropSeen drops a system flag, and says so.
func dropSeen(d *broken) {
	dropped := map[watermark.Mark][]endpoint.Flag{}
	d.items = each(func(p *endpoint.Put) {
		p.Flags = slices.DeleteFunc(slices.Clone(p.Flags), func(f endpoint.Flag) bool {
			seen := strings.EqualFold(string(f), string(endpoint.Seen))
			if seen {
				dropped[p.Mark] = append(dropped[p.Mark], f)
			}
			return seen
		})
	})
	d.results = each(func(r *endpoint.PutResult) { r.Dropped = append(r.Dropped, dropped[r.Mark]...) })
}

func failExpired(since, state string) (string, error) {
	if since != "" && since != state {
		return "", endpoint.Errorf(endpoint.Stale, "list the folders anew")
	}
	return state, nil
}

func notFound(error) error { return endpoint.Errorf(endpoint.NotFound, "gone") }

func identities(f func(*endpoint.Item)) func(string, []endpoint.Item) []endpoint.Item {
	return func(_ string, items []endpoint.Item) []endpoint.Item { return each(f)(items) }
}

func damage(b *endpoint.Body) {
	if b.Err != nil {
		b.Err = endpoint.Errorf(endpoint.Damaged, "gone")
	}
}

func cutBody(b *endpoint.Body) {
	if b.Content == nil || b.Content.Size() == 0 {
		return
	}
	b.Content = endpoint.Bytes(b.Content.Format(), cut(contents(b.Content)))
}

func contents(c endpoint.Content) []byte {
	r, err := c.Open()
	if err != nil {
		return nil
	}
	b, _ := io.ReadAll(r) // what fails is lost, which is the fault
	return b
}

func allInMemory(opts endpoint.ReadOptions) endpoint.ReadOptions {
	opts.Memory = 1 << 30
	return opts
}

func addLine(p *endpoint.Put) {
	p.Content = endpoint.Bytes(p.Content.Format(), append(contents(p.Content), "\r\n"...))
}

func refuseOddFlags(p *endpoint.Put) {
	for _, f := range p.Flags {
		if strings.ContainsAny(string(f), "\r\n(") {
			p.Content = endpoint.Bytes("application/x-refused", nil)
		}
	}
}

func rejectTooLarge(r *endpoint.PutResult) {
	if endpoint.CodeOf(r.Err) == endpoint.TooLarge {
		r.Err = endpoint.Errorf(endpoint.Rejected, "no")
	}
}

func keepBroken(p *endpoint.Put) { p.Content = endpoint.Bytes(p.Content.Format(), contents(p.Content)) }

func dropTwins(items []endpoint.Put) []endpoint.Put {
	seen := map[string]bool{}
	return slices.DeleteFunc(items, func(p endpoint.Put) bool {
		body := string(contents(p.Content))
		twin := seen[body]
		seen[body] = true
		return twin
	})
}

func loseSome() func([]endpoint.Put) []endpoint.Put {
	return func(items []endpoint.Put) []endpoint.Put { return items[:len(items)/7*7+min(len(items)%7, 3)] }
}

func tell(b *endpoint.Body) {
	if b.Err != nil {
		b.Err = endpoint.Errorf(endpoint.NotFound, "no item of ann@mem.example")
	}
}

func isContact(p endpoint.Put) bool { return p.Kind == endpoint.Contact }

// withMarked adds what others have marked as deleted to what is to be deleted.
func withMarked(d *broken) func(context.Context, endpoint.Folder, []string) []string {
	return func(ctx context.Context, f endpoint.Folder, refs []string) []string {
		more := slices.Clone(refs)
		for g := range values(d.Driver.Flags(ctx, f, nil)) {
			if slices.Contains(g.Flags, endpoint.Deleted) && !slices.Contains(refs, g.Ref) {
				more = append(more, g.Ref)
			}
		}
		return more
	}
}

func countingVersions() func(string, []endpoint.Item) []endpoint.Item {
	listed := 0
	return identities(func(it *endpoint.Item) {
		listed++
		it.Version = strconv.Itoa(listed)
	})
}

func replaceFlags(c *endpoint.FlagChange) {
	c.Remove = append(c.Remove, endpoint.Seen, endpoint.Answered, endpoint.IsFlagged, endpoint.Draft)
}

func refuseOddChanges(c *endpoint.FlagChange) {
	for _, f := range c.Add {
		if strings.ContainsAny(string(f), "\r\n(") {
			c.Ref = "0"
		}
	}
}
