package pass_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// outlined is a pair whose source tells identities when items are read, with twins in and around every window of three.
func outlined(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.srcOpts.Quirks.Outlines, w.srcOpts.Quirks.NoVersions = true, true
	w.must(w.src.CreateFolder("Work"))
	for i := range 4 {
		w.deliverText(twinText(i), inbox)
		w.deliver(1, inbox)
		w.deliverText(twinText(i), "Work")
	}
	w.deliverText(twinText(4), inbox)
	w.deliverText("Subject: twin of none\r\n\r\nx", inbox)
	return w
}

// twinText is a mail that has the header, but not the body, of others.
func twinText(n int) string { return fmt.Sprintf("%s%d\r\n", twin, n) }

// marks are those of the items of a folder of the destination, with the bodies that bear them.
func (w *world) marks(path ...string) []string {
	var all []string
	for _, m := range w.dst.Messages(path...) {
		all = append(all, fmt.Sprintf("%v %s", m.Mark.Marks, unmarked(m)))
	}
	slices.Sort(all)
	return all
}

// anew is the world with an empty destination and an empty database, and a source of which outlines are asked for, or not.
func (w *world) anew(outlines bool) *world {
	other := *w
	other.dst, other.store = memendpoint.NewServer(), memstore.New()
	other.srcOpts.Quirks.Outlines = outlines
	return &other
}

// An item has the same mark whether it was identified by listing it or by reading it.
func TestLateIdentificationGivesTheSameMarks(t *testing.T) {
	w := outlined(t)
	want(t, w.run(pass.Options{Window: 3}), pass.Counts{Listed: 14, Migrated: 14})
	if c := w.src.Counts(); c.Lists != 0 || c.Outlines != 2 {
		t.Errorf("%d listings, %d outlines", c.Lists, c.Outlines)
	}
	other := w.anew(false)
	want(t, other.run(pass.Options{Window: 3}), pass.Counts{Listed: 14, Migrated: 14})
	for _, folder := range []string{inbox, "Work"} {
		if have, wanted := w.marks(folder), other.marks(folder); !slices.Equal(have, wanted) {
			t.Errorf("%s: marks are\n%s\nwant\n%s", folder, strings.Join(have, "\n"), strings.Join(wanted, "\n"))
		}
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Already: 14})
	w.store = memstore.New()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Already: 14, Healed: 14})
	w.deliverText(twin, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 15, Already: 14, Migrated: 1})
	w.same(inbox)
}

// A pass after a change of types writes everything again, and knows it afterwards.
func TestLateIdentificationAndTypeChange(t *testing.T) {
	w := outlined(t)
	w.run(pass.Options{})
	w.dstOpts.Type = "other"
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Migrated: 14, Voided: 14})
	w.store = memstore.New()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Already: 14, Healed: 14, Voided: 14})
}

// Items are identified late only where nobody needs to know before who they are.
func TestWhoIsIdentifiedLate(t *testing.T) {
	mail := pass.Selection{Kinds: []endpoint.Kind{endpoint.Mail}}
	nothing := func(*world) {}
	for name, test := range map[string]struct {
		late    bool
		set     func(*world)
		options pass.Options
	}{
		"a first pass":              {true, nothing, pass.Options{}},
		"full":                      {true, nothing, pass.Options{Kind: pass.Full}},
		"delta":                     {true, nothing, pass.Options{Kind: pass.Delta}},
		"a kind":                    {true, nothing, pass.Options{Select: mail}},
		"some folders":              {true, nothing, pass.Options{Select: pass.Selection{Exclude: []pass.Pattern{"Work"}}}},
		"here before":               {true, func(w *world) { _, _ = w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte(twin)}) }, pass.Options{}},
		"no outlines":               {false, func(w *world) { w.srcOpts.Quirks.Outlines = false }, pass.Options{}},
		"versions":                  {false, func(w *world) { w.srcOpts.Quirks.NoVersions = false }, pass.Options{}},
		"marks are there":           {false, func(w *world) { w.run(pass.Options{}); w.store = memstore.New() }, pass.Options{}},
		"marks of another type":     {false, func(w *world) { w.run(pass.Options{}); w.dstOpts.Type = "other" }, pass.Options{}},
		"records are there":         {false, func(w *world) { w.run(pass.Options{}); w.dst = memendpoint.NewServer() }, pass.Options{FullScan: true}},
		"a full scan":               {false, nothing, pass.Options{FullScan: true}},
		"a size":                    {false, nothing, pass.Options{Select: pass.Selection{MaxSize: 100}}},
		"a date":                    {false, nothing, pass.Options{Select: pass.Selection{Since: day(1)}}},
		"a date of sending":         {false, nothing, pass.Options{Select: pass.Selection{Since: day(1), DateField: pass.BySent}}},
		"a pre-stage":               {false, nothing, pass.Options{Kind: pass.PreStage}},
		"a trial":                   {false, nothing, pass.Options{Kind: pass.Trial}},
		"a rebuild":                 {false, nothing, pass.Options{Kind: pass.Rebuild}},
		"a policy":                  {false, nothing, pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnDelete: pass.RemoveDeleted})}},
		"adoption":                  {false, nothing, pass.Options{Policies: pass.ForAllKinds(pass.Policy{Adopt: pass.AdoptByIdentity})}},
		"moves":                     {false, nothing, pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnMove: pass.FollowMoved})}},
		"items may come from there": {false, reversed, pass.Options{}},
		"they are sent back":        {true, reversed, pass.Options{SendBack: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := outlined(t)
			test.set(w)
			before := w.src.Counts()
			_, err := w.try(t.Context(), test.options)
			w.must(err)
			after := w.src.Counts()
			lists, outlines := after.Lists-before.Lists, after.Outlines-before.Outlines
			if late := outlines > 0; late != test.late || late == (lists > 0) {
				t.Errorf("%d outlines, %d listings", outlines, lists)
			}
		})
	}
	t.Run("a dry run", func(t *testing.T) {
		w := outlined(t)
		_, err := w.engine().Plan(t.Context(), w.open(), pass.Options{})
		w.must(err)
		if c := w.src.Counts(); c.Outlines > 0 || c.Lists == 0 {
			t.Errorf("%+v", c)
		}
	})
}

// reversed makes the database know a pair that went the other way.
func reversed(w *world) {
	p := w.open()
	p.ID, p.Source, p.Destination = "back", p.Destination, w.src.Open(&memendpoint.Options{Type: "src", Account: w.srcOpts.Account})
	_, err := w.engine().Run(w.t.Context(), p, pass.Options{})
	w.must(err)
}

// Twins behind items that cannot be read keep their places, also when the database is lost before these can be.
func TestLateIdentificationOfWhatCannotBeRead(t *testing.T) {
	for _, window := range []int{1, 2, 3, 64} {
		for i := range 9 {
			t.Run(fmt.Sprintf("window %d, item %d", window, i), func(t *testing.T) {
				w := outlined(t)
				messages := w.src.Messages(inbox)
				p := w.open()
				p.Source = endpoint.New(&tricky{Driver: p.Source.Driver(), in: inbox, damaged: messages[i].Ref, silent: messages[(i+2)%10].Ref})
				r, err := w.engine().Run(t.Context(), p, pass.Options{Window: window, Folders: 1})
				w.must(err)
				want(t, r, pass.Counts{Listed: 14, Migrated: 12, Failed: 2})
				if c := w.src.Counts(); c.Lists != 1 {
					t.Errorf("%d listings", c.Lists)
				}
				if i%2 == 1 {
					w.store = memstore.New()
					want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Migrated: 2, Already: 12, Healed: 12})
				} else {
					want(t, w.run(pass.Options{Kind: pass.RetryFailed}), pass.Counts{Listed: 2, Migrated: 2})
				}
				other := w.anew(false)
				other.run(pass.Options{})
				if have, wanted := w.marks(inbox), other.marks(inbox); !slices.Equal(have, wanted) {
					t.Errorf("marks are\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(wanted, "\n"))
				}
			})
		}
	}
}

// A listing that begins again counts no twin twice.
func TestLateIdentificationByAListingThatBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := outlined(t)
		plan, err := faultendpoint.Parse("item damaged on side=src method=read folder=INBOX at=2 nth=1; before unavailable on side=src method=list folder=INBOX at=6 nth=1")
		w.must(err)
		process := faultendpoint.NewProcess(plan, nil)
		p := w.open()
		p.Source = faultendpoint.Wrap(p.Source, "src", process)
		r, err := w.engine().Run(t.Context(), p, pass.Options{Window: 3})
		w.must(err)
		want(t, r, pass.Counts{Listed: 14, Migrated: 13, Failed: 1})
		if process.Fired() != 2 {
			t.Errorf("%d faults", process.Fired())
		}
		w.run(pass.Options{})
		other := w.anew(false)
		other.run(pass.Options{})
		if have, wanted := w.marks(inbox), other.marks(inbox); !slices.Equal(have, wanted) {
			t.Errorf("marks are\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(wanted, "\n"))
		}
	})
}

// What vanishes between the outline and its reading leaves nothing behind, and no room for its twins to be written twice.
func TestLateIdentificationOfWhatVanished(t *testing.T) {
	for i := range 9 {
		w := outlined(t)
		messages := w.src.Messages(inbox)
		p := w.open()
		p.Source = endpoint.New(&vanishing{tricky{Driver: p.Source.Driver(), in: inbox, damaged: messages[(i+2)%10].Ref}, func() {
			w.must(w.src.Delete([]string{inbox}, messages[i].Ref))
		}})
		r, err := w.engine().Run(t.Context(), p, pass.Options{Window: 3, Folders: 1})
		w.must(err)
		want(t, r, pass.Counts{Listed: 14, Migrated: 12, Failed: 1, Vanished: 1})
		w.store = memstore.New()
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 13, Migrated: 1, Already: 12, Healed: 12})
		w.same(inbox)
	}
}

// vanishing is a source of which something is deleted once it was outlined.
type vanishing struct {
	tricky
	drop func()
}

func (d *vanishing) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		for it, err := range d.Driver.Outline(ctx, f, since) {
			if !yield(it, err) {
				return
			}
		}
		if f.Path[0] == inbox {
			d.drop()
		}
	}
}

// An item whose twins before it were not read is not identified: it would take the place of one.
func TestLateIdentificationWhereReadingEndsEarly(t *testing.T) {
	for n := range 8 {
		w := outlined(t)
		p := w.open()
		p.Source = endpoint.New(&backwards{&closing{p.Source.Driver(), n}})
		if _, err := w.engine().Run(t.Context(), p, pass.Options{Window: 3, Folders: 1}); endpoint.CodeOf(err) != endpoint.Unauthenticated {
			t.Fatal(err)
		}
		w.store = memstore.New()
		w.run(pass.Options{})
		w.same(inbox)
		w.same("Work")
		other := w.anew(false)
		other.run(pass.Options{})
		if have, wanted := w.marks(inbox), other.marks(inbox); !slices.Equal(have, wanted) {
			t.Errorf("after %d items, marks are\n%s\nwant\n%s", n, strings.Join(have, "\n"), strings.Join(wanted, "\n"))
		}
	}
}

// closing is a source that lets nobody in any more after some bodies.
type closing struct {
	endpoint.Driver
	left int
}

func (d *closing) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		for b, err := range d.Driver.Read(ctx, f, refs, o) {
			if d.left == 0 && err == nil {
				_ = b.Content.Close()
				b, err = endpoint.Body{}, endpoint.Errorf(endpoint.Unauthenticated, "the password changed")
			}
			d.left--
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// Where a folder cannot be made, its items have failed by name, as if they had been listed.
func TestLateIdentificationWithoutAFolder(t *testing.T) {
	w := outlined(t)
	w.dstOpts.Quirks.NoCreateFolder = true
	r, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 14, Migrated: 10, Failed: 4})
	w.dstOpts.Quirks.NoCreateFolder = false
	want(t, w.run(pass.Options{Kind: pass.RetryFailed}), pass.Counts{Listed: 4, Migrated: 4})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Already: 14})
	w.same("Work")
}

// An item whose answer was lost keeps its ID.
func TestLateIdentificationAndLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := outlined(t)
		w.dstOpts.Quirks.LoseAnswer = func(item int) bool { return item%4 == 3 }
		want(t, w.run(pass.Options{Window: 3}), pass.Counts{Listed: 14, Migrated: 14, Recovered: 4})
		w.same(inbox)
		w.store = memstore.New()
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 14, Already: 14, Healed: 14})
	})
}
