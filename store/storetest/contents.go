package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

func testContents(t *testing.T, c Config) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, store.Ledger)
	}{
		{"replace", testReplace},
		{"one key twice in a batch", testTwice},
		{"forget", testForget},
		{"unscan", testUnscan},
		{"unsee", testUnsee},
		{"one folder", testOneFolder},
		{"lookup", testLookup},
		{"lookup during commits", testLookupWhole},
		{"snapshot", testSnapshot},
		{"odd values", testOddValues},
		{"many flags", testManyFlags},
		{"meta", testMeta},
		{"every field", testEveryField},
		{"summary", testSummary},
		{"kept copies", testCopies},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, ledgerOf(t, start(t, c), "pair")) })
	}
}

func testReplace(t *testing.T, l store.Ledger) {
	want, batch := sampleContents()
	commit(t, l, batch)
	next := store.Batch{
		Records:   []store.Record{{Folder: "INBOX", ID: id(1), Status: store.Originated, Generation: 4}},
		Folders:   []store.Folder{{Side: store.Source, Name: "INBOX", Validity: "9", State: "new"}},
		Sightings: []store.Sighting{{Folder: "INBOX", Ref: "1", ID: id(77)}},
	}
	commit(t, l, next)
	want.Records[recordKey(next.Records[0])] = next.Records[0]
	want.Folders[folderKey(next.Folders[0])] = next.Folders[0]
	want.Sightings[sightingKey(next.Sightings[0])] = next.Sightings[0]
	commit(t, l, next) // again: nothing may be there twice
	commit(t, l, store.Batch{})
	expect(t, l, want, sampleFolders()...)
}

func testTwice(t *testing.T, l store.Ledger) {
	first, last := sample("INBOX", 1), sample("INBOX", 1)
	last.Status = store.Failed
	commit(t, l, store.Batch{
		Forget:  []store.Record{last}, // goes first
		Records: []store.Record{first, last},
		Unsee:   []store.Sighting{{Folder: "INBOX", Ref: "1"}},
		Sightings: []store.Sighting{
			{Folder: "INBOX", Ref: "1", ID: id(1)},
			{Folder: "INBOX", Ref: "1", ID: id(2)},
		},
	})
	expect(t, l, contentsOf(store.Meta{Generation: 1}, store.Batch{
		Records:   []store.Record{last},
		Sightings: []store.Sighting{{Folder: "INBOX", Ref: "1", ID: id(2)}},
	}), "INBOX")
}

func testForget(t *testing.T, l store.Ledger) {
	want, batch := sampleContents()
	commit(t, l, batch)
	commit(t, l, store.Batch{Forget: []store.Record{
		{Folder: "INBOX", ID: id(1)},   // by its key alone
		{Folder: "INBOX", ID: id(99)},  // never there
		{Folder: "Unknown", ID: id(1)}, // nor its folder
	}})
	delete(want.Records, recordKey(store.Record{Folder: "INBOX", ID: id(1)}))
	expect(t, l, want, sampleFolders()...)
}

func testUnscan(t *testing.T, l store.Ledger) {
	want, batch := sampleContents()
	commit(t, l, batch)
	inbox := store.Folder{Side: store.Source, Name: "INBOX"}
	commit(t, l, store.Batch{Unscan: []store.Folder{inbox, {Side: store.Destination, Name: "Unknown"}}})
	delete(want.Folders, folderKey(inbox)) // the sightings are of the other side
	expect(t, l, want, sampleFolders()...)

	inbox.Side = store.Destination
	again := store.Sighting{Folder: "INBOX", Ref: "1", ID: id(8)}
	fresh := store.Folder{Side: store.Destination, Name: "INBOX", State: "fresh"}
	for range 3 { // one batch replaces all that is known of a folder
		commit(t, l, store.Batch{
			Unscan: []store.Folder{inbox}, Folders: []store.Folder{fresh}, Sightings: []store.Sighting{again},
		})
		delete(want.Sightings, sightingKey(store.Sighting{Folder: "INBOX", Ref: "01"}))
		want.Sightings[sightingKey(again)] = again
		want.Folders[folderKey(fresh)] = fresh
		expect(t, l, want, sampleFolders()...)
	}
	commit(t, l, store.Batch{Unscan: []store.Folder{inbox}})
	delete(want.Sightings, sightingKey(again))
	delete(want.Folders, folderKey(inbox))
	expect(t, l, want, sampleFolders()...)
}

func testUnsee(t *testing.T, l store.Ledger) {
	want, batch := sampleContents()
	commit(t, l, batch)
	commit(t, l, store.Batch{Unsee: []store.Sighting{
		{Folder: "INBOX", Ref: "01"}, {Folder: "INBOX", Ref: "99"}, {Folder: "Unknown", Ref: "1"},
	}})
	delete(want.Sightings, sightingKey(store.Sighting{Folder: "INBOX", Ref: "01"}))
	expect(t, l, want, sampleFolders()...)
}

func testOneFolder(t *testing.T, l store.Ledger) {
	commit(t, l, numbered("INBOX", 0, 7))
	commit(t, l, numbered("INBOX/Sub", 0, 5))
	for folder, want := range map[string]int{"INBOX": 7, "INBOX/Sub": 5, "IN": 0, store.AllFolders: 12} {
		if n := count(t, l.Records(t.Context(), folder)); n != want {
			t.Errorf("Records(%q) yields %d records, want %d", folder, n, want)
		}
	}
}

// testSnapshot commits from within the loop over a sequence.
func testSnapshot(t *testing.T, l store.Ledger) {
	const records = 1000
	commit(t, l, numbered("INBOX", 0, records))
	n := 0
	for r, err := range l.Records(t.Context(), "INBOX") {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if n == 0 {
			commit(t, l, numbered("INBOX", records, 10))
			commit(t, l, store.Batch{Forget: numbered("INBOX", records/2, 10).Records})
		}
		if r.Status != store.Settled {
			t.Errorf("record %s has another status", r.ID)
		}
		n++
	}
	if n != records {
		t.Errorf("a sequence yields %d records, of %d when it began", n, records)
	}
	if n := count(t, l.Records(t.Context(), "INBOX")); n != records {
		t.Errorf("%d records, want %d", n, records)
	}
}

// longText is longer than a store may like in a key.
func longText(n int) string { return strings.Repeat("long ", n/5) }

func testOddValues(t *testing.T, l store.Ledger) {
	var b store.Batch
	texts := []string{
		"", "0", "00", "-1", "18446744073709551615", "18446744073709551616", "\x00", "\xff\xfe", "a/b", "~",
		longText(100), longText(100) + "!", longText(2000),
	}
	for i, text := range texts {
		r := sample("INBOX", i)
		r.Ref, r.Validity, r.Version, r.Flags = text, text, text, text
		b.Records = append(b.Records, r)
		b.Sightings = append(b.Sightings, store.Sighting{Folder: "INBOX", Ref: text, ID: id(i)})
		b.Folders = append(b.Folders, store.Folder{Side: store.Source, Name: "x" + text, Validity: text, State: text, Summary: text})
	}
	old := sample("INBOX", 100)
	old.Received, old.Size = time.Unix(-1, 0).UTC(), -1
	far := sample("INBOX", 101)
	far.Received, far.Size, far.Generation = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1<<62, 1<<31
	b.Records = append(b.Records, old, far)
	want := contentsOf(store.Meta{Generation: 1}, b)

	b.Records[0].Received = b.Records[0].Received.Add(999 * time.Millisecond).In(time.FixedZone("", 3600))
	commit(t, l, b) // and yet it is kept to the second
	expect(t, l, want, "INBOX")
}

// testManyFlags commits more different flags than a store may like to number.
func testManyFlags(t *testing.T, l store.Ledger) {
	want := contents{Meta: store.Meta{Generation: 1}, Records: map[string]store.Record{}}
	for batch := range 3 {
		b := numbered("INBOX", batch*2000, 2000)
		for i := range b.Records {
			b.Records[i].Flags = fmt.Sprint(`(\Seen `, b.Records[i].Ref, ")")
			want.Records[recordKey(b.Records[i])] = b.Records[i]
		}
		commit(t, l, b)
	}
	expect(t, l, want, "INBOX")
}

// testMeta commits each field of a Meta alone, and takes it back.
func testMeta(t *testing.T, l store.Ledger) {
	for _, meta := range []store.Meta{
		{Generation: 2, Rebuilding: true},
		{Generation: 2, Purging: [16]byte{1}},
		{Generation: 2, Purging: [16]byte{15: 1}, Profile: []byte{0}},
		{Generation: 2, Types: sampleTypes()},
		{Generation: 2},
	} {
		commit(t, l, store.Batch{Meta: &meta})
		expect(t, l, contents{Meta: meta}, "INBOX")
	}
}

// testSummary commits scan positions that differ in nothing but their summaries.
func testSummary(t *testing.T, l store.Ledger) {
	f := store.Folder{Side: store.Source, Name: "INBOX", Validity: "1", State: "2"}
	for _, summary := range []string{"", "a", longText(5000), "\x00", ""} {
		f.Summary = summary
		commit(t, l, store.Batch{Folders: []store.Folder{f}})
		want := contents{Meta: store.Meta{Generation: 1}, Folders: map[string]store.Folder{folderKey(f): f}}
		expect(t, l, want, "INBOX")
	}
}

// testEveryField makes sure that no field of a record, Meta or Folder is without a proof, also one that is
// added to the contract later.
func testEveryField(t *testing.T, l store.Ledger) {
	want, b := sampleContents()
	r := sample("INBOX", 1)
	r.Gone, r.Trashed, r.Follows, r.Attempts, r.Code = true, true, id(2), 1, 2
	for _, part := range []any{r, *b.Meta, b.Folders[0]} {
		value := reflect.ValueOf(part)
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("the sample of a %s has no %s", value.Type(), value.Type().Field(i).Name)
			}
		}
	}
	b.Records[0] = r
	want.Records[recordKey(r)] = r
	commit(t, l, b)
	expect(t, l, want, sampleFolders()...)
}

// testCopies changes what was handed over, and what was handed out.
func testCopies(t *testing.T, l store.Ledger) {
	profile := []byte("profile")
	commit(t, l, store.Batch{Meta: &store.Meta{Generation: 1, Profile: profile}})
	profile[0] = '!'
	l.Meta().Profile[1] = '!'
	if have := l.Meta().Profile; !bytes.Equal(have, []byte("profile")) {
		t.Errorf("the ledger shares its profile: %q", have)
	}
}

func testIsolation(t *testing.T, c Config) {
	s := start(t, c)
	pairs := []string{"", "a", "a\x00", "a\x00b", "b", "A", "\xff\xff", longText(300)}
	want := map[string]contents{}
	for i, pair := range pairs {
		// The same folders and IDs everywhere; only the number of records tells.
		b := numbered("folder\x00\xff", 0, i)
		b.Records = append(b.Records, sample("folder\x00", i))
		b.Sightings = []store.Sighting{{Folder: "folder", Ref: pair, ID: id(i)}}
		b.Folders = []store.Folder{{Side: store.Destination, Name: "folder", State: pair}}
		l := ledgerOf(t, s, pair)
		commit(t, l, b)
		closed(t, l)
		want[pair] = contentsOf(store.Meta{Generation: 1}, b)
	}
	if _, err := s.Reset(t.Context(), "a", store.ResetAll, false); err != nil {
		t.Fatalf("reset: %v", err)
	}
	want["a"] = contents{Meta: store.Meta{Generation: 1}}
	for _, pair := range pairs {
		l := ledgerOf(t, s, pair)
		expect(t, l, want[pair], "folder")
		closed(t, l)
	}
	if ids := pairIDs(t, s); len(ids) != len(pairs) {
		t.Errorf("%d pairs are listed as %q", len(pairs), ids)
	}
}
