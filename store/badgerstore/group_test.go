package badgerstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// together commits batches as if all but the last had come while another commit was under way. It returns their
// answers.
func together(t *testing.T, l *ledger, batches ...store.Batch) (answers []error) {
	t.Helper()
	var others []*waiting
	last := len(batches) - 1
	for _, b := range batches[:last] {
		others = append(others, l.queue.add(b))
	}
	err := l.Commit(t.Context(), batches[last])
	for _, w := range others {
		if !w.isAnswered() {
			t.Fatal("a batch before another has no answer")
		}
		answers = append(answers, w.err)
	}
	return append(answers, err)
}

// recordsOf returns a batch of n records with numbers from first.
func recordsOf(first, n int) (b store.Batch) {
	for i := range n {
		b.Records = append(b.Records, store.Record{Folder: folderOf(i % 2), ID: idOfNumber(first + i), Status: store.Intent})
	}
	return b
}

func countRecords(t *testing.T, l *ledger) int {
	t.Helper()
	return len(read(t, l.Records(t.Context(), store.AllFolders)))
}

// TestGroupSharesSyncs looks that batches which wait together are one transaction and one frame of the seal, and
// that more of them than fit into one are two.
func TestGroupSharesSyncs(t *testing.T) {
	for _, test := range []struct{ batches, size, commits int }{{10, 100, 1}, {1, store.MaxBatch, 1}, {5, 1000, 2}, {2, store.MaxBatch, 2}} {
		t.Run(fmt.Sprint(test.batches, " of ", test.size), func(t *testing.T) {
			dir := t.TempDir()
			s, l := opened(t, dir)
			var batches []store.Batch
			for n := range test.batches {
				batches = append(batches, recordsOf(n*test.size, test.size))
			}
			before, sealed := l.state.at.seq, s.seal.size
			if err := errors.Join(together(t, l, batches...)...); err != nil {
				t.Fatal(err)
			}
			if n := int(l.state.at.seq - before); n != test.commits {
				t.Errorf("%d transactions, want %d", n, test.commits)
			}
			if grown := s.seal.size - sealed; grown > int64(test.commits)*100 { // a frame has some 60 bytes
				t.Errorf("the seal has grown by %d bytes, want %d frames", grown, test.commits)
			}
			for _, ledger := range []*ledger{l, second(crashed(t, dir))} {
				if n := countRecords(t, ledger); n != test.batches*test.size {
					t.Errorf("%d records, want %d", n, test.batches*test.size)
				}
			}
		})
	}
}

// TestGroupAnswersEach lets one batch of a group fail. The others are committed, and it leaves no trace.
func TestGroupAnswersEach(t *testing.T) {
	large := recordsOf(1000, 10)
	large.Meta = &store.Meta{Generation: 7, Profile: make([]byte, maxEntry)}
	for position := range 3 {
		dir := t.TempDir()
		_, l := opened(t, dir)
		answers := together(t, l, slices.Insert([]store.Batch{recordsOf(0, 10), recordsOf(10, 10)}, position, large)...)
		for i, err := range answers {
			if errors.Is(err, store.ErrTooLarge) != (i == position) || i != position && err != nil {
				t.Errorf("batch %d has answer %v, and the one at %d is too large", i, err, position)
			}
		}
		for _, ledger := range []*ledger{l, second(crashed(t, dir))} {
			if n := countRecords(t, ledger); n != 20 || ledger.Meta().Generation != 1 {
				t.Errorf("%d records in generation %d, want 20 in 1", n, ledger.Meta().Generation)
			}
		}
	}
}

// TestGroupOfTooManyBytes lets batches wait together that have too many bytes for one transaction, but not each.
func TestGroupOfTooManyBytes(t *testing.T) {
	var batches []store.Batch
	for n := range 4 {
		b := recordsOf(n*10, 10)
		for i := range b.Records {
			b.Records[i].Ref = string(make([]byte, 50_000))
		}
		batches = append(batches, b)
	}
	_, l := opened(t, t.TempDir())
	if err := errors.Join(together(t, l, batches...)...); err != nil {
		t.Fatal(err)
	}
	if n := countRecords(t, l); n != 40 {
		t.Errorf("%d records, want 40", n)
	}
}

// TestGroupIsCut lets the seal fail once a group is in Badger. Nobody is told that it is durable, the ledger takes no
// more, and the next opening has it as a whole.
func TestGroupIsCut(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	if err := l.Commit(t.Context(), recordsOf(0, 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.seal.file.Close(); err != nil {
		t.Fatal(err)
	}
	for i, err := range together(t, l, recordsOf(10, 10), recordsOf(20, 10), recordsOf(30, 10)) {
		if err == nil {
			t.Errorf("batch %d was accepted, and the seal does not know it", i)
		}
	}
	if err := l.Commit(t.Context(), recordsOf(40, 10)); err == nil {
		t.Error("a broken ledger takes a batch")
	}
	if _, l = crashed(t, dir); countRecords(t, l) != 40 {
		t.Errorf("%d records, want the 10 accepted and the 30 of the group", countRecords(t, l))
	}
}

// TestGroupIsAsOneByOne commits random batches in groups, and holds the ledger against one that was given the same
// batches one by one.
func TestGroupIsAsOneByOne(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	model := memstore.New()
	want, err := model.Open(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 100 {
		if round%25 == 24 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, l = opened(t, dir)
		}
		var batches []store.Batch
		for range 1 + random.IntN(5) {
			b := randomBatch(random)
			b.Pass = &store.Pass{Kind: fmt.Sprint(random.IntN(100))}
			batches = append(batches, b)
			if err := want.Commit(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(together(t, l, batches...)...); err != nil {
			t.Fatal(err)
		}
		for n := range 4 {
			folder := folderOf(n)
			same(t, read(t, l.Records(t.Context(), folder)), read(t, want.Records(t.Context(), folder)))
			same(t, read(t, l.Sightings(t.Context(), folder)), read(t, want.Sightings(t.Context(), folder)))
		}
		same(t, l.Stats(), want.Stats())
		same(t, read(t, s.History(t.Context(), "pair")), read(t, model.History(t.Context(), "pair")))
	}
}

// same compares in no particular order.
func same[T any](t *testing.T, have, want []T) {
	t.Helper()
	texts := func(all []T) (texts []string) {
		for _, v := range all {
			texts = append(texts, fmt.Sprintf("%+v", v))
		}
		slices.Sort(texts)
		return texts
	}
	if h, w := texts(have), texts(want); !slices.Equal(h, w) {
		t.Fatalf("there is\n%v\nand should be\n%v", h, w)
	}
}
