package pass_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestProvePolicies lives random histories in which users of both mailboxes change, move and delete
// items, under random policies. After every pass, its counts and everything at the destination are
// those that the model forecast; a plan before it said the same, and a pass after it does nothing.
func TestProvePolicies(t *testing.T) {
	var figures prove.Figures
	defer func() { prove.Record(t, "random histories under policies against the model", figures) }()
	liveAll(t, 20, func(rt *rapid.T) { livePolicies(rt, &figures) })
}

// policyHistory is a pair of mailboxes, their users, and the model of what policies do.
type policyHistory struct {
	src, dst *memendpoint.Server
	srcOpts  memendpoint.Options
	dstOpts  memendpoint.Options
	store    *memstore.Store
	key      watermark.Key
	model    *policyModel
	figures  *prove.Figures
	items    int
}

func livePolicies(t *rapid.T, figures *prove.Figures) {
	h := newPolicyHistory(t, figures)
	t.Repeat(map[string]func(*rapid.T){
		"deliver":        h.deliver,
		"user at source": h.userAtSource,
		"user at target": h.userAtTarget,
		"own mail":       h.ownMail,
		"pass":           func(t *rapid.T) { _ = h.pass(t, h.options(t)) },
		"plain pass":     h.plain,
	})
	o := h.options(t)
	if h.pass(t, o).HeldBack == 0 { // else what came just now may make the share small enough
		h.idle(t, o)
	}
	figures.Tried++
}

func newPolicyHistory(t *rapid.T, figures *prove.Figures) *policyHistory {
	h := &policyHistory{
		src: memendpoint.NewServer(), dst: memendpoint.NewServer(), store: memstore.New(), key: watermark.NewKey(), figures: figures,
		srcOpts: memendpoint.Options{Type: "src", Account: "ann@old.example", ReadOnly: true},
		dstOpts: memendpoint.Options{Type: "dst", Account: "ann@new.example"},
		model:   &policyModel{known: map[named]*knowledge{}, held: map[string]*held{}},
	}
	must(t, h.src.CreateFolder("Work"))
	must(t, h.dst.CreateFolder("Mine"))
	if h.model.bin = rapid.Bool().Draw(t, "trash"); h.model.bin {
		must(t, h.dst.CreateFolder(binName))
		must(t, h.dst.SetRole(endpoint.Trash, binName))
	}
	drawStates(t, "source", &h.srcOpts.Quirks)
	drawStates(t, "destination", &h.dstOpts.Quirks)
	return h
}

func drawnFlags(t *rapid.T) []endpoint.Flag {
	return rapid.SampledFrom([][]endpoint.Flag{nil, {endpoint.Seen}, {endpoint.IsFlagged, "$work"}, {endpoint.Seen, endpoint.Answered}}).Draw(t, "flags")
}

func bodyOf(k endpoint.Kind, name, text string) []byte {
	if k == endpoint.Event {
		return meeting(name, text)
	}
	return fmt.Appendf(nil, "Message-ID: %s\r\nSubject: letter\r\n\r\ntext %s\r\n", name, text)
}

// itemName inverts bodyOf.
func itemName(body []byte) string {
	_, name, _ := strings.Cut(nameOf(body), ":")
	return strings.TrimSpace(name)
}

func (h *policyHistory) deliver(t *rapid.T) {
	path := folderOf(t, h.src)
	for range rapid.IntRange(1, 6).Draw(t, "items") {
		h.items++
		k := rapid.SampledFrom([]endpoint.Kind{endpoint.Mail, endpoint.Event}).Draw(t, "kind")
		_, err := h.src.Deliver(path, memendpoint.Message{Kind: k, Body: bodyOf(k, fmt.Sprint("item", h.items), "first"), Flags: drawnFlags(t)})
		must(t, err)
	}
}

// drawn is an item of a mailbox; ok is false if there is none.
func drawn(t *rapid.T, s *memendpoint.Server, path []string) (it memendpoint.Stored, ok bool) {
	all := s.Messages(path...)
	if len(all) == 0 {
		return it, false
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(t, "item")], true
}

func (h *policyHistory) userAtSource(t *rapid.T) {
	path := folderOf(t, h.src)
	do := rapid.SampledFrom([]string{"delete", "move", "move", "update", "update", "flag", "rename"}).Draw(t, "do")
	if do == "rename" {
		h.items++ // a name that no folder had before
		refused(t, h.src.RenameFolder(path, []string{fmt.Sprint("Folder ", h.items)}))
		return
	}
	for range rapid.IntRange(1, 2).Draw(t, "times") {
		it, ok := drawn(t, h.src, path)
		if !ok {
			return
		}
		var err error
		switch do {
		case "delete":
			err = h.src.Delete(path, it.Ref)
		case "move":
			if to := folderOf(t, h.src); !slices.Equal(to, path) {
				_, err = h.src.Move(path, it.Ref, to)
			}
		case "update":
			err = h.src.Update(path, it.Ref, bodyOf(it.Kind, itemName(it.Body), rapid.SampledFrom([]string{"first", "second", "third"}).Draw(t, "text")))
		case "flag":
			err = h.src.SetFlags(path, it.Ref, drawnFlags(t)...)
		}
		must(t, err)
	}
}

// userAtTarget does something with any item, and tells the model.
func (h *policyHistory) userAtTarget(t *rapid.T) {
	path := folderOf(t, h.dst)
	it, ok := drawn(t, h.dst, path)
	if !ok {
		return
	}
	at := h.model.held[heldKey(path[0], it.Ref)]
	do := rapid.SampledFrom([]string{"read", "edit", "move", "expunge"}).Draw(t, "at target")
	switch {
	case do == "expunge":
		must(t, h.dst.Delete(path, it.Ref))
		delete(h.model.held, heldKey(path[0], it.Ref))
	case path[0] == binName: // what is there stays there
	case do == "read":
		flags := drawnFlags(t)
		must(t, h.dst.SetFlags(path, it.Ref, flags...))
		at.flags = sortedFlags(flags)
	case do == "edit":
		body := bytes.Replace(it.Body, []byte("first"), []byte("other"), 1)
		must(t, h.dst.Update(path, it.Ref, body))
		at.text = string(body)
	case do == "move":
		to := folderOf(t, h.dst)
		ref, err := h.dst.Move(path, it.Ref, to)
		must(t, err)
		delete(h.model.held, heldKey(path[0], it.Ref))
		at.folder, at.ref = to[0], ref
		h.model.held[heldKey(to[0], ref)] = at
	}
}

// ownMail brings an item to the destination that may be one of the source's, without a mark.
func (h *policyHistory) ownMail(t *rapid.T) {
	path, name := folderOf(t, h.dst), fmt.Sprint("item", rapid.IntRange(1, h.items+3).Draw(t, "number"))
	k := rapid.SampledFrom([]endpoint.Kind{endpoint.Mail, endpoint.Event}).Draw(t, "kind")
	body := bodyOf(k, name, "first")
	ref, err := h.dst.Deliver(path, memendpoint.Message{Kind: k, Body: body})
	must(t, err)
	h.model.held[heldKey(path[0], ref)] = &held{name: name, kind: k, folder: path[0], ref: ref, text: string(body)}
}

func heldKey(folder, ref string) string { return folder + "\x00" + ref }

// options draws those of a pass.
func (h *policyHistory) options(t *rapid.T) pass.Options {
	o := pass.Options{
		Kind:     rapid.SampledFrom([]pass.Kind{pass.Auto, pass.Full, pass.Delta}).Draw(t, "kind"),
		FullScan: rapid.IntRange(0, 4).Draw(t, "full scan") == 0,
		Window:   rapid.SampledFrom([]int{1, 3, 64}).Draw(t, "window"),
		Folders:  rapid.IntRange(1, 4).Draw(t, "folders at once"),
		Policies: pass.Policies{},
	}
	some := func(what string) bool { return rapid.IntRange(0, 2).Draw(t, what) > 0 }
	removes, replaces := false, false
	for _, k := range []endpoint.Kind{endpoint.Mail, endpoint.Event} {
		var p pass.Policy
		if some("replace") {
			p.OnUpdate, replaces = pass.ReplaceUpdated, true
		}
		if some("remove") {
			p.OnDelete, removes = pass.RemoveDeleted, true
		}
		if some("follow") {
			p.OnMove = pass.FollowMoved
		}
		if some("merge") {
			p.OnFlags = pass.MergeFlags
		}
		if some("adopt") {
			p.Adopt = pass.AdoptByIdentity
		}
		o.Policies[k] = p
	}
	if removes {
		o.MaxDeleteShare = rapid.SampledFrom([]float64{0, 0.5, 1, 1}).Draw(t, "share")
	}
	o.FullCompare = replaces && rapid.IntRange(0, 3).Draw(t, "full compare") == 0
	return o
}

func (h *policyHistory) run(t *rapid.T, o pass.Options, dry bool) *pass.Report {
	e, err := pass.New(pass.Config{Store: h.store, Key: h.key})
	must(t, err)
	p := pass.Pair{ID: "ann", Source: h.src.Open(&h.srcOpts), Destination: h.dst.Open(&h.dstOpts)}
	call := e.Run
	if dry {
		call = e.Plan
	}
	r, err := call(t.Context(), p, o)
	if err != nil || !r.Complete || !r.Closes() {
		h.figures.Unexplained++
		t.Fatalf("pass (dry: %v): %v\n%v%v", dry, err, r, r.Failures)
	}
	return r
}

// pass plans and runs a pass, compares what came of it with the forecast, and returns its counts.
func (h *policyHistory) pass(t *rapid.T, o pass.Options) pass.Counts {
	before := holdings(h.src)
	source, order := h.source(t)
	f := h.model.forecast(source, order, o)
	if rapid.Bool().Draw(t, "plan") {
		there := holdings(h.dst)
		h.compare(t, "plan", f, h.run(t, o, true))
		if !reflect.DeepEqual(holdings(h.dst), there) {
			h.figures.Unexplained++
			t.Fatal("a plan changed the destination")
		}
	}
	r := h.run(t, o, false)
	h.compare(t, "pass", f, r)
	h.apply(t, f)
	if !reflect.DeepEqual(holdings(h.src), before) {
		h.figures.Unexplained++
		t.Fatal("the source was changed")
	}
	return r.Totals
}

// plain runs a pass without policies. What it remembers of folders must be true, whatever policies did
// before and do later: another one that looks at every item reports the same.
func (h *policyHistory) plain(t *rapid.T) {
	_ = h.pass(t, pass.Options{})
	have, want := h.run(t, pass.Options{}, true), h.run(t, pass.Options{FullScan: true}, true)
	if !reflect.DeepEqual(have.Folders, want.Folders) {
		h.figures.Unexplained++
		t.Fatalf("by what is remembered\nhave %+v\nwant %+v", have.Folders, want.Folders)
	}
}

// idle runs the same pass again, which must do nothing.
func (h *policyHistory) idle(t *rapid.T, o pass.Options) {
	there := holdings(h.dst)
	c := h.run(t, o, false).Totals
	if c.Migrated+c.Updated+c.Followed+c.Removed+c.Merged > 0 || !reflect.DeepEqual(holdings(h.dst), there) {
		h.figures.Unexplained++
		t.Fatalf("a pass right after another: %+v", c)
	}
}

func (h *policyHistory) compare(t *rapid.T, what string, f *forecast, r *pass.Report) {
	have := r.Totals
	have.Bytes = 0
	if have != f.counts || len(r.Conflicts) != have.Conflicts {
		h.figures.Unexplained++
		t.Fatalf("%s\nhave %+v\nwant %+v\n%v\n%v", what, have, f.counts, r.Conflicts, r.Warnings)
	}
}

// source returns what the source holds, and its folders in their order.
func (h *policyHistory) source(t *rapid.T) (sourceState, []string) {
	m := h.src.Open(&h.srcOpts)
	all, order := sourceState{}, []string{}
	for f, err := range m.Folders(t.Context()) {
		must(t, err)
		name := strings.Join(f.Path, "/")
		all[name] = map[named]memendpoint.Stored{}
		order = append(order, name)
		for _, it := range h.src.Messages(f.Path...) {
			all[name][named{name, itemName(it.Body), it.Ref}] = it
		}
	}
	return all, order
}

// apply makes the model what the pass was to make of the destination, and checks that it did.
func (h *policyHistory) apply(t *rapid.T, f *forecast) {
	binned := h.expected(f)
	arrived := map[string]memendpoint.Stored{}
	now := holdings(h.dst)
	for key, it := range now {
		folder, _, _ := strings.Cut(key, "\x00")
		key = heldKey(store.FolderPath(folder)[0], it.Ref)
		want, known := h.model.held[key]
		switch {
		case !known:
			arrived[key] = it
		case want.text != string(it.Body) || want.flags != sortedFlags(it.Flags):
			h.figures.Unexplained++
			t.Fatalf("%q\nhave %q %s\nwant %q %s", key, it.Body, sortedFlags(it.Flags), want.text, want.flags)
		}
	}
	if n := len(now) - len(arrived); n != len(h.model.held) {
		h.figures.Lost += len(h.model.held) - n
		t.Fatalf("%d items of %d that were to stay are there", n, len(h.model.held))
	}
	for key, it := range arrived {
		folder, _, _ := strings.Cut(key, "\x00")
		if i := slices.IndexFunc(binned, func(old *held) bool { return folder == binName && old.text == string(it.Body) }); i >= 0 {
			old := *binned[i]
			old.folder, old.ref, old.flags = folder, it.Ref, sortedFlags(it.Flags)
			h.model.held[key] = &old
			binned = slices.Delete(binned, i, i+1)
			continue
		}
		i := slices.IndexFunc(f.adds, func(a addition) bool { return a.of.folder == folder && a.text == bare(it) })
		if i < 0 || f.adds[i].flags != sortedFlags(it.Flags) {
			h.figures.Duplicated++
			t.Fatalf("came to %s without reason: %q %v", folder, it.Body, it.Flags)
		}
		h.model.held[key] = &held{
			of: f.adds[i].of, name: f.adds[i].of.name, kind: it.Kind, folder: folder, ref: it.Ref,
			text: string(it.Body), flags: f.adds[i].flags, written: string(it.Body),
		}
		f.adds = slices.Delete(f.adds, i, i+1)
	}
	if len(f.adds)+len(binned) > 0 {
		h.figures.Lost += len(f.adds) + len(binned)
		t.Fatalf("did not come: %+v, and to the trash: %+v", f.adds, binned)
	}
}

// expected takes out of the model what the pass was to take away, and returns what comes to the
// trash.
func (h *policyHistory) expected(f *forecast) (binned []*held) {
	for _, m := range f.marks {
		h.model.held[heldKey(m.folder, m.ref)] = m
	}
	for _, d := range f.drops {
		delete(h.model.held, heldKey(d.folder, d.ref))
		if h.model.bin {
			binned = append(binned, d)
		}
	}
	h.model.known = f.next
	return binned
}

// bare is the body of an item without its mark.
func bare(it memendpoint.Stored) string {
	if it.Kind == endpoint.Event {
		return string(watermark.StripProperty(it.Body))
	}
	return unmarked(it)
}
