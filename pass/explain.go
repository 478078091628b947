package pass

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Question names the item that is asked for, by exactly one of its fields.
type Question struct {
	// MessageID is that of a mail, or the UID of what is no mail, brackets or none.
	MessageID string
	// Source and Destination are where the item is.
	Source, Destination Place
}

// Place is where an item is in a mailbox.
type Place struct {
	Folder []string `json:"folder"`
	Ref    string   `json:"ref"`
}

func (p Place) given() bool { return len(p.Folder) > 0 || p.Ref != "" }

// Explanation is what became of one item, and why.
type Explanation struct {
	Folder []string `json:"folder"` // at the source
	Ref    string   `json:"ref"`    // at the source, as it is or was
	// AtSource says that the source has the item now.
	AtSource bool `json:"atSource"`
	// Status is that of the item's record, or "unknown" where there is none.
	Status string `json:"status"`
	// Pass is the number of the pass that entered it, with its Kind; 0 if no pass of the history did.
	Pass uint64 `json:"pass,omitempty"`
	Kind string `json:"kind,omitempty"`
	// At is when; zero if unknown.
	At time.Time `json:"at,omitzero"`
	// Destination is where the item is now.
	Destination []Place `json:"destination"`
	// Reason says it in words.
	Reason string `json:"reason"`
}

// Explain answers where an item is: what became of it in which pass, and why. It asks both
// mailboxes, and writes nothing. An item that neither of them nor the database knows gives no
// explanation; equal items in several folders give one each.
func (e *Engine) Explain(ctx context.Context, p Pair, q Question) (_ []Explanation, err error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	r, err := e.begin(ctx, p, Options{}, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.ledger.Close()) }()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	x, err := r.explainer(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case q.MessageID != "":
		return x.byMessageID(ctx, q.MessageID)
	case q.Source.given():
		return x.bySource(ctx, q.Source)
	default:
		return x.byDestination(ctx, q.Destination)
	}
}

func (q Question) validate() error {
	given := 0
	for _, is := range []bool{q.MessageID != "", q.Source.given(), q.Destination.given()} {
		if is {
			given++
		}
	}
	if given != 1 {
		return fmt.Errorf("%w: Question: give exactly one of MessageID, Source and Destination", ErrInvalid)
	}
	for name, p := range map[string]Place{"Source": q.Source, "Destination": q.Destination} {
		if p.given() && (len(p.Folder) == 0 || p.Ref == "") {
			return fmt.Errorf("%w: Question.%s: give both folder and reference", ErrInvalid, name)
		}
	}
	return nil
}

// explainer knows both mailboxes and the database.
type explainer struct {
	*running
	sources []endpoint.Folder
	view    *view
	byID    map[watermark.ID]store.Record
	byRef   map[string]store.Record // by folder, validity and reference
	history []store.Pass
}

func refKey(validity, ref string) string { return validity + "\x00" + ref }

func (r *running) explainer(ctx context.Context) (*explainer, error) {
	x := &explainer{running: r, byID: map[watermark.ID]store.Record{}, byRef: map[string]store.Record{}}
	var err error
	if x.sources, err = r.sourceFolders(ctx); err != nil {
		return nil, err
	}
	if x.view, err = r.locateAll(ctx); err != nil {
		return nil, err
	}
	if x.history, err = collect(r.cfg.Store.History(ctx, r.pair.ID)); err != nil && !errors.Is(err, store.ErrPair) {
		return nil, err
	}
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return nil, err
		}
		if older, ok := x.byID[rec.ID]; !ok || older.Generation < rec.Generation {
			x.byID[rec.ID] = rec
		}
		if r.mint.owns(rec) && rec.Ref != "" {
			x.byRef[rec.Folder+"\x00"+refKey(rec.Validity, rec.Ref)] = rec
		}
	}
	return x, nil
}

func (x *explainer) byMessageID(ctx context.Context, id string) (all []Explanation, err error) {
	if !x.srcCaps.Find {
		return nil, endpoint.Errorf(endpoint.Unsupported, "the source cannot look for a Message-ID; name the item by its place")
	}
	for _, f := range x.sources {
		refs, err := gather(ctx, x.from, func(ctx context.Context) iter.Seq2[string, error] { return x.pair.Source.Find(ctx, f, id) })
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			some, err := x.bySource(ctx, Place{f.Path, ref})
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	if len(all) > 0 || !x.dstCaps.Find {
		return all, nil
	}
	for i := range x.view.folders {
		f := x.view.folders[i]
		refs, err := gather(ctx, x.to, func(ctx context.Context) iter.Seq2[string, error] { return x.pair.Destination.Find(ctx, f, id) })
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			some, err := x.byDestination(ctx, Place{f.Path, ref})
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

// bySource explains an item that the source has, or had.
func (x *explainer) bySource(ctx context.Context, at Place) ([]Explanation, error) {
	item, f, err := x.sourceItem(ctx, at)
	if err != nil {
		return nil, err
	}
	name := store.FolderKey(at.Folder)
	if f != nil {
		if rec, ok := x.byRef[name+"\x00"+refKey(f.Validity, at.Ref)]; ok {
			return []Explanation{x.explain(rec, item != nil)}, nil
		}
	}
	for _, rec := range x.byID { // under references that are void by now
		if rec.Folder == name && rec.Ref == at.Ref && x.mint.owns(rec) && item == nil {
			return []Explanation{x.explain(rec, false)}, nil
		}
	}
	if item == nil {
		return nil, nil
	}
	return []Explanation{{
		Folder: at.Folder, Ref: at.Ref, AtSource: true, Status: "unknown", Destination: []Place{}, Reason: x.whyNot(*item),
	}}, nil
}

// sourceItem returns the item at a place of the source and its folder, or nil.
func (x *explainer) sourceItem(ctx context.Context, at Place) (*endpoint.Item, *endpoint.Folder, error) {
	i := slices.IndexFunc(x.sources, func(f endpoint.Folder) bool { return slices.Equal(f.Path, at.Folder) })
	if i < 0 {
		return nil, nil, nil
	}
	items, err := gather(ctx, x.from, func(ctx context.Context) iter.Seq2[endpoint.Item, error] {
		return x.pair.Source.List(ctx, x.sources[i], "")
	})
	for _, it := range items {
		if it.Ref == at.Ref {
			return &it, &x.sources[i], err
		}
	}
	return nil, &x.sources[i], err
}

// byDestination explains an item that the destination has.
func (x *explainer) byDestination(ctx context.Context, at Place) ([]Explanation, error) {
	for id, places := range x.view.places {
		for _, p := range places {
			if p.ref != at.Ref || !slices.Equal(p.folder.Path, at.Folder) {
				continue
			}
			rec, ok := x.byID[id]
			if !ok {
				return []Explanation{{
					Status: "unknown", Destination: []Place{at},
					Reason: "It carries a mark of this pair, but the database does not know it: a pass finds out, if the source still has it.",
				}}, nil
			}
			item, _, err := x.sourceItem(ctx, Place{store.FolderPath(rec.Folder), rec.Ref})
			return []Explanation{x.explain(rec, item != nil)}, err
		}
	}
	i := slices.IndexFunc(x.view.folders, func(f endpoint.Folder) bool { return slices.Equal(f.Path, at.Folder) })
	if i < 0 {
		return nil, nil
	}
	refs, err := gather(ctx, x.to, func(ctx context.Context) iter.Seq2[string, error] {
		return x.pair.Destination.Refs(ctx, x.view.folders[i])
	})
	if err != nil || !slices.Contains(refs, at.Ref) {
		return nil, err
	}
	return []Explanation{{
		Status: "unknown", Destination: []Place{at}, Reason: "It carries no mark of this pair: it was not migrated by it, and is never touched.",
	}}, nil
}

// explain says what a record tells of an item.
func (x *explainer) explain(rec store.Record, atSource bool) Explanation {
	out := Explanation{
		Folder: store.FolderPath(rec.Folder), Ref: rec.Ref, AtSource: atSource,
		Status: rec.Status.String(), At: rec.At, Destination: []Place{},
	}
	for _, p := range x.history {
		if !rec.At.Before(p.Started.Truncate(time.Second)) && !rec.At.After(p.Finished) {
			out.Pass, out.Kind = p.Number, p.Kind
		}
	}
	trashed := false
	for _, p := range x.view.copies(rec) {
		out.Destination = append(out.Destination, Place{p.folder.Path, p.ref})
		trashed = trashed || p.folder.Role == endpoint.Trash
	}
	alive := len(x.view.alive(rec.ID)) > 0
	out.Reason = x.what(rec, out, alive, trashed) + x.sourceText(rec, atSource)
	return out
}

func (x *explainer) what(rec store.Record, e Explanation, alive, trashed bool) string {
	when := "at " + rec.At.UTC().Format(time.RFC3339)
	if e.Pass > 0 {
		when = fmt.Sprintf("by pass %d (%s) %s", e.Pass, e.Kind, when)
	}
	switch rec.Status {
	case store.Settled:
		switch {
		case !x.mint.owns(rec):
			return fmt.Sprintf("It was migrated %s, under generation %d, which counts no more.", when, rec.Generation)
		case alive:
			return fmt.Sprintf("It was migrated %s, and is at the destination.", when)
		case trashed:
			return fmt.Sprintf("It was migrated %s; its user moved it to the trash since. It is not migrated again.", when)
		}
		return fmt.Sprintf("It was migrated %s; its user removed it at the destination since. It is not migrated again, unless a reset forgets it.", when)
	case store.Failed:
		return fmt.Sprintf("It could not be migrated, last tried %s, %d times in all: %s. The next pass tries again.",
			when, max(rec.Attempts, 1), endpoint.Code(rec.Code))
	case store.Intent:
		return "A pass was cut while it wrote this item. The next one finds out what became of it."
	case store.Originated:
		return "It came from this very destination, and is not sent back."
	case store.Removed:
		return fmt.Sprintf("It was migrated, and removed at the destination %s, by a policy or a purge.", when)
	case store.Adopted:
		return fmt.Sprintf("An item of the destination's own was taken for it %s.", when)
	}
	return ""
}

func (x *explainer) sourceText(rec store.Record, atSource bool) string {
	switch {
	case atSource:
		return ""
	case rec.Status == store.Settled:
		return " The source has it no more."
	}
	return " The source has it no more, so that no pass will take it."
}

// whyNot says why an item of the source has no record.
func (x *explainer) whyNot(it endpoint.Item) string {
	if len(x.history) == 0 {
		return "No pass has looked at it yet."
	}
	last := x.history[len(x.history)-1]
	var s summary
	_ = json.Unmarshal(last.Report, &s) // of an older form: then nothing is known of its filter
	pass := fmt.Sprintf("pass %d (%s)", last.Number, last.Kind)
	switch {
	case len(x.srcCaps.Offers(it.Kind, x.dstCaps)) == 0:
		return fmt.Sprintf("It is of kind %s, which the destination does not take.", it.Kind)
	case s.Window != nil && !it.Received.IsZero() && s.Window.Field == ByReceived.String() &&
		(it.Received.Before(s.Window.Since) || !s.Window.Before.IsZero() && !it.Received.Before(s.Window.Before)):
		return fmt.Sprintf("The dates of %s left it out; a pass without them takes it.", pass)
	case s.Filter != "":
		return fmt.Sprintf("It came after %s, or that left it out by %s; a pass without that takes it.", pass, s.Filter)
	case !last.Complete:
		return fmt.Sprintf("The last one, %s, did not come to its end; run it again.", pass)
	}
	return fmt.Sprintf("It came after %s; the next pass takes it.", pass)
}

// summary is what the history keeps of a pass.
type summary struct {
	Counts
	Window *Window `json:"window,omitempty"`
	// Filter names what else narrowed the pass.
	Filter string `json:"filter,omitempty"`
}

func (r *running) summary(report *Report) summary {
	s, o := summary{Counts: report.Totals, Window: report.Window}, r.opts
	var by []string
	for _, f := range []struct {
		set  bool
		name string
	}{
		{o.Select.Kinds != nil, "kind"},
		{o.Select.MaxSize > 0, "size"},
		{len(r.excluded) > 0, "folder"},
		{o.Kind == Trial, "the bounds of a trial"},
		{o.Kind == RetryFailed || o.Kind == Verify, "its kind"},
	} {
		if f.set {
			by = append(by, f.name)
		}
	}
	s.Filter = strings.Join(by, " and ")
	return s
}
