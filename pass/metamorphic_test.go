package pass_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestProveMetamorphic lives the same history under many sets of options that must not matter. At
// its end the destination holds the same: folder, bytes, flags and date of every item.
func TestProveMetamorphic(t *testing.T) {
	var figures prove.Figures
	defer func() { prove.Record(t, "the same history under other options", figures) }()
	for seed := range uint64(prove.Scale(2, 5)) {
		removes := seed%2 == 0 // then its user removes items at the destination
		reference := relive(t, seed, removes, way{})
		if len(reference) < 50 {
			t.Fatalf("history %d: only %d items at the destination", seed, len(reference))
		}
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test that can be repeated
		for range prove.Scale(10, 200) {
			w := drawWay(random, !removes)
			figures.Tried++
			compareEnds(t, &figures, fmt.Sprintf("history %d, %+v", seed, w), relive(t, seed, removes, w), reference)
		}
	}
}

// way is how a history is lived: all that may not matter.
type way struct {
	options           pass.Options
	states            [2]stating // source, destination
	restarts, forgets bool       // a new engine, or an empty database, for each pass
	outlines          bool       // identities are told when items are read
	backwards         bool       // in which order items are read and written
	cut               int64      // the commit at which a pass dies before each that does not; 0 is none
	badger            bool
}

func drawWay(r *rand.Rand, mayForget bool) way {
	pick := func(n int) bool { return r.IntN(n) == 0 }
	all := []stating{listed, asked, stateless}
	return way{
		options: pass.Options{
			Window:      []int{1, 2, 3, 7, 64, 1024}[r.IntN(6)],
			WindowBytes: []int64{0, 1, 500}[r.IntN(3)],
			Folders:     1 + r.IntN(6),
			FullScan:    pick(3),
			Kind:        []pass.Kind{pass.Auto, pass.Full, pass.Delta}[r.IntN(3)],
		},
		states:   [2]stating{all[r.IntN(3)], all[r.IntN(3)]},
		outlines: pick(2), restarts: pick(2), forgets: mayForget && pick(2), badger: pick(20),
		backwards: pick(3), cut: int64(max(r.IntN(60)-30, 0)),
	}
}

// relive lives a history one way, and returns what the destination holds in the end.
func relive(t *testing.T, seed uint64, removes bool, way way) []string {
	t.Helper()
	w := newWorld(t)
	w.srcOpts.Quirks.Outlines, w.srcOpts.Quirks.NoVersions = way.outlines, way.outlines
	way.states[0].set(&w.srcOpts.Quirks)
	way.states[1].set(&w.dstOpts.Quirks)
	s := &script{world: w, random: rand.New(rand.NewPCG(seed, 2)), removes: removes} //nolint:gosec // as above
	for _, name := range []string{"Work", "Sent"} {
		w.must(w.src.CreateFolder(name))
	}
	database := way.open(t)
	engine, pair := w.over(database), w.open()
	if way.backwards {
		pair.Source = endpoint.New(&backwards{pair.Source.Driver()})
		pair.Destination = endpoint.New(&backwards{pair.Destination.Driver()})
	}
	for range 6 {
		s.act()
		if way.forgets {
			w.must(database.Close())
			database = way.open(t)
		}
		if way.forgets || way.restarts {
			engine = w.over(database)
		}
		if way.cut > 0 {
			cut := &cutStore{Store: database, n: way.cut, after: way.cut%2 == 0}
			if _, err := w.over(cut).Run(t.Context(), pair, way.options); err != nil && !errors.Is(err, errCut) {
				t.Fatal(err)
			}
		}
		r, err := engine.Run(t.Context(), pair, way.options)
		w.must(err)
		if !r.Complete || !r.Closes() {
			t.Fatalf("history %d, %+v: %+v", seed, way, r)
		}
	}
	w.must(database.Close())
	return s.all()
}

func (way way) open(t *testing.T) store.Store {
	t.Helper()
	if !way.badger {
		return memstore.New()
	}
	s, err := badgerstore.Open(filepath.Join(t.TempDir(), "state"), &badgerstore.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// backwards is a mailbox that answers in another order than it is asked, as it may.
type backwards struct{ endpoint.Driver }

func (d *backwards) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	refs = slices.Clone(refs)
	slices.Reverse(refs)
	return d.Driver.Read(ctx, f, refs, o)
}

func (d *backwards) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	items = slices.Clone(items)
	slices.Reverse(items)
	return d.Driver.Put(ctx, f, items)
}

func (w *world) over(s store.Store) *pass.Engine {
	w.t.Helper()
	e, err := pass.New(pass.Config{Store: s, Key: w.key})
	w.must(err)
	return e
}

// script is what the users do between two passes. It depends on its seed alone.
type script struct {
	*world
	random  *rand.Rand
	removes bool
	serial  int
}

func (s *script) act() {
	for range 4 + s.random.IntN(12) {
		s.letter()
	}
	for range 3 {
		s.atSource()
		s.atDestination()
	}
}

func (s *script) letter() {
	paths := s.src.FolderPaths()
	path := paths[s.random.IntN(len(paths))]
	s.serial++
	text := fmt.Sprintf("Message-ID: <%d@old.example>\r\nSubject: x\r\n\r\n%s", s.serial, strings.Repeat("body ", s.random.IntN(200)))
	if s.random.IntN(3) == 0 { // one of many twins
		text = fmt.Sprintf("Message-ID: <twin%d@old.example>\r\n\r\n%d", s.random.IntN(3), s.serial)
	}
	m := memendpoint.Message{Body: []byte(text), Received: day(1 + s.serial%28)}
	if s.random.IntN(2) == 0 {
		m.Flags = []endpoint.Flag{endpoint.Seen, "$later"}
	}
	_, err := s.src.Deliver(path, m)
	s.must(err)
}

// atSource does what makes no difference to what is known of twins: these are left alone, for when
// the database is lost, one that replaced another may be taken for it.
func (s *script) atSource() {
	paths := s.src.FolderPaths()
	path, other := paths[s.random.IntN(len(paths))], paths[s.random.IntN(len(paths))]
	single := slices.DeleteFunc(s.src.Messages(path...), func(m memendpoint.Stored) bool {
		return strings.Contains(string(m.Body), "<twin")
	})
	do := s.random.IntN(6)
	if len(single) == 0 {
		do = 5
	}
	var err error
	switch do {
	case 0, 1:
		err = s.src.Delete(path, single[s.random.IntN(len(single))].Ref)
	case 2:
		if len(path) == 1 && path[0] == inbox && other[0] != inbox { // never back
			_, err = s.src.Move(path, single[s.random.IntN(len(single))].Ref, other)
		}
	case 3:
		err = s.src.SetFlags(path, single[s.random.IntN(len(single))].Ref, endpoint.IsFlagged)
	case 4:
		if s.serial++; path[0] != inbox {
			err = s.src.RenameFolder(path, []string{fmt.Sprintf("Folder %d", s.serial)})
		}
	case 5:
		err = s.src.ChangeValidity(path...)
	}
	s.must(err)
}

// atDestination picks items by what they are: their references depend on the order of writing.
func (s *script) atDestination() {
	type place struct {
		path []string
		it   memendpoint.Stored
	}
	var all []place
	for _, path := range s.dst.FolderPaths() {
		for _, it := range s.dst.Messages(path...) {
			all = append(all, place{path, it})
		}
	}
	paths := s.dst.FolderPaths()
	other, do := paths[s.random.IntN(len(paths))], s.random.IntN(7)
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(essence(a.path, a.it), essence(b.path, b.it)) })
	p := all[s.random.IntN(len(all))]
	var err error
	switch do {
	case 0:
		_, err = s.dst.Move(p.path, p.it.Ref, other)
	case 1:
		_, err = s.dst.Copy(p.path, p.it.Ref, other)
	case 2:
		err = s.dst.SetFlags(p.path, p.it.Ref, endpoint.Answered)
	case 3:
		if s.serial++; other[0] != inbox {
			err = s.dst.RenameFolder(other, []string{fmt.Sprintf("Folder %d", s.serial)})
		}
	case 4:
		err = s.dst.ChangeValidity(other...)
	case 5:
		_, err = s.dst.Deliver(other, memendpoint.Message{Body: []byte("Subject: own\r\n\r\nx"), Received: day(3)})
	case 6:
		if s.removes {
			err = s.dst.Delete(p.path, p.it.Ref)
		}
	}
	s.must(err)
}

// all is what the destination holds, without what depends on the way: marks and references.
func (s *script) all() []string {
	var all []string
	for _, path := range s.dst.FolderPaths() {
		for _, it := range s.dst.Messages(path...) {
			all = append(all, essence(path, it))
		}
	}
	slices.Sort(all)
	return all
}

func essence(path []string, it memendpoint.Stored) string {
	body := string(it.Body)
	if len(it.Mark.Marks) > 0 && strings.HasPrefix(body, watermark.Field) {
		_, body, _ = strings.Cut(body, "\r\n")
	}
	return fmt.Sprintf("%s %x %v %v", store.FolderKey(path), sha256.Sum256([]byte(body)), it.Flags, it.Received)
}

// compareEnds compares what two ways of living a history led to.
func compareEnds(t *testing.T, figures *prove.Figures, name string, have, want []string) {
	t.Helper()
	switch {
	case slices.Equal(have, want):
		return
	case len(have) > len(want):
		figures.Duplicated++
	case len(have) < len(want):
		figures.Lost++
	default:
		figures.Unexplained++
	}
	t.Errorf("%s:\nhave %s\nwant %s", name, strings.Join(have, "\n     "), strings.Join(want, "\n     "))
}
