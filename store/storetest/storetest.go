// Package storetest proves that a store.Store keeps the clauses of package store.
//
// An author of a store runs it from a test of his own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Config{
//			Open: func(_ testing.TB, dir string) (store.Store, error) { return mystore.Open(dir) },
//			Persistent: true,
//		})
//	}
//
// What it cannot prove from outside, a kill at any instruction above all (S2, S3), is for the
// store's own tests.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Config says how to test a store.
type Config struct {
	// Open opens the store in a directory: an empty one that exists, or one whose store was
	// closed before.
	Open func(t testing.TB, dir string) (store.Store, error)
	// Persistent says that a store that was closed and opened again has what it had. If false,
	// every test uses a store once.
	Persistent bool
	// Newer makes the closed store in dir look as a later version of the program would leave it.
	// Nil skips clause S9.
	Newer func(t testing.TB, dir string)
	// Damage takes some of what was committed away from the closed store in dir. Nil skips clause
	// S10.
	Damage func(t testing.TB, dir string)
}

// Run runs one subtest for each clause and method.
func Run(t *testing.T, c Config) {
	for _, clause := range []struct {
		name string
		test func(*testing.T, Config)
	}{
		{"S01", testNewPair},
		{"S02", testPersistence},
		{"S03", testAtomicity},
		{"S04", testFailedCommit},
		{"S05", testContents},
		{"S06", testIsolation},
		{"S07", testMaxBatch},
		{"S08", testBusy},
		{"S09", testNewerFormat},
		{"S10", testDamage},
		{"S11", testContext},
		{"S12", testReset},
		{"S13", testDeadline},
		{"S14", testResetStatistics},
		{"Pairs", testPairs},
		{"History", testHistory},
		{"Rebind", testRebind},
		{"Closed", testClosed},
	} {
		t.Run(clause.name, func(t *testing.T) { clause.test(t, c) })
	}
}

// start opens a store in a directory of its own.
func start(t *testing.T, c Config) store.Store {
	t.Helper()
	return open(t, c, t.TempDir())
}

// open opens a store that the test closes at its end, if it did not before.
func open(t *testing.T, c Config, dir string) store.Store {
	t.Helper()
	s, err := c.Open(t, dir)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() }) // checked where the test closes it
	return s
}

func ledgerOf(t *testing.T, s store.Store, pair string) store.Ledger {
	t.Helper()
	l, err := s.Open(t.Context(), pair)
	if err != nil {
		t.Fatalf("open pair %q: %v", pair, err)
	}
	return l
}

func commit(t *testing.T, l store.Ledger, b store.Batch) {
	t.Helper()
	if err := l.Commit(t.Context(), b); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func closed(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// contents is all that a ledger holds, in a form to compare.
type contents struct {
	Meta      store.Meta
	Stats     map[store.Stat]int
	Records   map[string]store.Record
	Folders   map[string]store.Folder
	Sightings map[string]store.Sighting
}

// read reads a ledger. Sightings are read of the given folders, for nothing lists them.
func read(t *testing.T, l store.Ledger, folders ...string) contents {
	t.Helper()
	c := contents{
		Meta:      l.Meta(),
		Stats:     map[store.Stat]int{},
		Records:   collect(t, l.Records(t.Context(), store.AllFolders), recordKey),
		Folders:   collect(t, l.Folders(t.Context(), store.Source), folderKey),
		Sightings: map[string]store.Sighting{},
	}
	maps.Copy(c.Folders, collect(t, l.Folders(t.Context(), store.Destination), folderKey))
	for _, folder := range folders {
		maps.Copy(c.Sightings, collect(t, l.Sightings(t.Context(), folder), sightingKey))
	}
	for _, stat := range l.Stats() {
		n := stat.Records
		stat.Records = 0
		c.Stats[stat] += n
	}
	return c
}

func recordKey(r store.Record) string     { return fmt.Sprintf("%q %s", r.Folder, r.ID) }
func folderKey(f store.Folder) string     { return fmt.Sprintf("%d %q", f.Side, f.Name) }
func sightingKey(s store.Sighting) string { return fmt.Sprintf("%q %q", s.Folder, s.Ref) }

// collect reads a sequence and makes sure that no key comes twice.
func collect[T any](t *testing.T, seq iter.Seq2[T, error], key func(T) string) map[string]T {
	t.Helper()
	all := map[string]T{}
	for value, err := range seq {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		k := key(value)
		if _, twice := all[k]; twice {
			t.Fatalf("%s comes twice in one sequence (S5)", k)
		}
		all[k] = value
	}
	return all
}

// statsOf counts records as Ledger.Stats must.
func statsOf(records map[string]store.Record) map[store.Stat]int {
	stats := map[store.Stat]int{}
	for _, r := range records {
		stats[store.Stat{Types: r.Types, Generation: r.Generation, Status: r.Status}]++
	}
	return stats
}

// expect compares a ledger with what it must hold, its statistics with its records.
func expect(t *testing.T, l store.Ledger, want contents, folders ...string) {
	t.Helper()
	have := read(t, l, folders...)
	want.Stats = statsOf(want.Records)
	for _, part := range []struct {
		name       string
		have, want any
	}{
		{"meta", have.Meta, want.Meta},
		{"statistics", have.Stats, want.Stats},
		{"records", have.Records, want.Records},
		{"scan positions", have.Folders, want.Folders},
		{"sightings", have.Sightings, want.Sightings},
	} {
		h, w := reflect.ValueOf(part.have), reflect.ValueOf(part.want)
		if h.Kind() == reflect.Map && h.Len() == 0 && w.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(part.have, part.want) {
			t.Errorf("%s of the ledger:\n have %+v\n want %+v", part.name, part.have, part.want)
		}
	}
}

func wantError(t *testing.T, doing string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: have error %v, want %v", doing, err, want)
	}
}

// firstError returns the error of a sequence, or nil.
func firstError[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// id returns an ID that belongs to n.
func id(n int) watermark.ID {
	return watermark.ID(fmt.Appendf(nil, "%016x", n))
}

// sampleTypes are the endpoint types of sample records.
func sampleTypes() watermark.Types { return watermark.Types{Source: "imap", Destination: "graph"} }

// sample is a record in which every field is set that any record may have.
func sample(folder string, n int) store.Record {
	return store.Record{
		Folder: folder, ID: id(n), Status: store.Settled, Kind: uint8(n % 3),
		Types: sampleTypes(), Generation: 3,
		Ref: fmt.Sprint(n), Validity: "1700000000", Gone: n%2 == 1, Trashed: n%2 == 0,
		Received: time.Unix(1_600_000_000+int64(n), 0).UTC(), Size: int64(1000 + n), Digest: [16]byte{1, byte(n)},
		Version: fmt.Sprint("version ", n), Flags: `(\Seen)`,
		At: time.Unix(1_700_000_000+int64(n), 0).UTC(),
	}
}

// sampleContents is a ledger with everything, and the batch that makes it.
func sampleContents() (contents, store.Batch) {
	meta := store.Meta{
		Generation: 3, Types: sampleTypes(),
		Source: store.Binding{1}, Destination: store.Binding{2}, Profile: []byte("profile\x00\xff"),
		Rebuilding: true, Purging: [16]byte{15: 1},
	}
	failed := sample("INBOX", 4)
	failed.Status, failed.Attempts, failed.Code = store.Failed, 255, 9
	removed, adopted := sample("INBOX", 6), sample("INBOX", 7)
	removed.Status, adopted.Status = store.Removed, store.Adopted
	moved := sample("INBOX", 8)
	moved.Follows = id(3)
	bare := store.Record{Folder: "Sent", ID: id(5), Status: store.Intent, Generation: 3}
	b := store.Batch{
		Meta:    &meta,
		Records: []store.Record{sample("INBOX", 1), sample("INBOX", 2), sample("Sent", 1), failed, bare, removed, adopted, moved},
		Folders: []store.Folder{
			{Side: store.Source, Name: "INBOX", Validity: "7", State: "uidnext 12", Summary: "1:11\x00\xff"},
			{Side: store.Destination, Name: "INBOX", Validity: "8", State: "", Summary: "1"},
			{Side: store.Destination, Name: "Archive"},
		},
		Sightings: []store.Sighting{
			{Folder: "INBOX", Ref: "1", ID: id(1)},
			{Folder: "INBOX", Ref: "01", ID: id(2)},
			{Folder: "Archive", Ref: "1", ID: id(2)},
			{Folder: "Nowhere", Ref: "", ID: id(3)},
		},
		Pass: &store.Pass{Kind: "full", Started: at(1), Finished: at(2), Complete: true, Report: []byte("report")},
	}
	return contentsOf(meta, b), b
}

// sampleFolders are the folders of the sample's sightings.
func sampleFolders() []string { return []string{"INBOX", "Archive", "Nowhere"} }

func at(n int64) time.Time { return time.Unix(1_700_000_000+n, 0).UTC() }

func contentsOf(meta store.Meta, b store.Batch) contents {
	c := contents{
		Meta: meta, Records: map[string]store.Record{},
		Folders: map[string]store.Folder{}, Sightings: map[string]store.Sighting{},
	}
	for _, r := range b.Records {
		c.Records[recordKey(r)] = r
	}
	for _, f := range b.Folders {
		c.Folders[folderKey(f)] = f
	}
	for _, s := range b.Sightings {
		c.Sightings[sightingKey(s)] = s
	}
	return c
}

// numbered returns a batch of n records in one folder.
func numbered(folder string, first, n int) store.Batch {
	var b store.Batch
	for i := range n {
		b.Records = append(b.Records, sample(folder, first+i))
	}
	return b
}

// count returns the number of values in a sequence.
func count[T any](t *testing.T, seq iter.Seq2[T, error]) int {
	t.Helper()
	n := 0
	for _, err := range seq {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		n++
	}
	return n
}

func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func pairIDs(t *testing.T, s store.Store) []string {
	t.Helper()
	var ids []string
	for p, err := range s.Pairs(t.Context()) {
		if err != nil {
			t.Fatalf("pairs: %v", err)
		}
		ids = append(ids, p.ID)
	}
	if !slices.IsSorted(ids) {
		t.Errorf("pairs are not in the order of their IDs: %q", ids)
	}
	return ids
}
