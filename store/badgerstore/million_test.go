package badgerstore_test

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// migratedTo returns the settlements of n items, as a pass over IMAP commits them: a record and a
// sighting each. The IDs are spread as those of marks are.
func migratedTo(folder func(int) string, key watermark.Key, first, n int) store.Batch {
	b := store.Batch{Records: make([]store.Record, 0, n), Sightings: make([]store.Sighting, 0, n)}
	types := watermark.Types{Source: "imap", Destination: "imap"}
	for i := first; i < first+n; i++ {
		id := idOf(key, i)
		b.Records = append(b.Records, store.Record{
			Folder: folder(i), ID: id, Status: store.Settled, Types: types, Generation: 1,
			Ref: strconv.Itoa(i), Validity: "1700000000", Received: time.Unix(1_500_000_000+int64(i)*60, 0),
			Size: 8192 + int64(i%1000), Digest: id, At: time.Unix(1_700_000_000+int64(i), 0), Flags: `(\Seen)`,
		})
		b.Sightings = append(b.Sightings, store.Sighting{Folder: folder(i), Ref: strconv.Itoa(i), ID: id})
	}
	return b
}

func idOf(key watermark.Key, n int) watermark.ID {
	types := watermark.Types{Source: "imap", Destination: "imap"}
	return key.ItemID(watermark.Item{Types: types, Pair: "bench", Generation: 1, Ordinal: n})
}

// migrated is migratedTo folders of 10,000 items.
func migrated(key watermark.Key, first, n int) store.Batch {
	return migratedTo(func(i int) string { return fmt.Sprint("folder ", i/10_000) }, key, first, n)
}

// stopwatch prints the seconds that each step took.
type stopwatch struct{ began time.Time }

func (s *stopwatch) lap(step string) {
	fmt.Printf("%.3f %s-s\n", time.Since(s.began).Seconds(), step)
	s.began = time.Now()
}

// million commits a million items of one folder, opens the store again, and reads them.
func million(dir string, key watermark.Key) error {
	const items, window = 1_000_000, 500
	inbox := func(int) string { return "INBOX" }
	s, l, err := openPair(dir, key)
	if err != nil {
		return err
	}
	clock := stopwatch{time.Now()}
	for i := 0; i < items; i += window {
		if err := l.Commit(background(), migratedTo(inbox, key, i, window)); err != nil {
			return err
		}
	}
	clock.lap("commit")
	if err := s.Close(); err != nil {
		return err
	}
	clock.lap("close")
	if s, l, err = openPair(dir, key); err != nil {
		return err
	}
	clock.lap("open")
	if err := readAll(l, items, &clock); err != nil {
		return err
	}
	if err := lookUp(l, key, items, &clock); err != nil {
		return err
	}
	return s.Close()
}

func openPair(dir string, key watermark.Key) (*badgerstore.Store, store.Ledger, error) {
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		return nil, nil, err
	}
	l, err := s.Open(background(), "bench")
	return s, l, err
}

// readAll reads all records twice, for the first time they are checked, and then the sightings.
func readAll(l store.Ledger, want int, clock *stopwatch) error {
	for _, step := range []string{"check+records", "records"} {
		n := 0
		for _, err := range l.Records(background(), "INBOX") {
			if err != nil {
				return err
			}
			n++
		}
		if n != want {
			return fmt.Errorf("%d records, want %d", n, want)
		}
		clock.lap(step)
	}
	n := 0
	for _, err := range l.Sightings(background(), "INBOX") {
		if err != nil {
			return err
		}
		n++
	}
	clock.lap("check+sightings")
	if n != want {
		return fmt.Errorf("%d sightings, want %d", n, want)
	}
	return nil
}

// lookUp looks 10,000 records up.
func lookUp(l store.Ledger, key watermark.Key, items int, clock *stopwatch) error {
	var ids []watermark.ID
	for i := 0; i < items; i += items / 10_000 {
		ids = append(ids, idOf(key, i))
	}
	clock.began = time.Now()
	n := 0
	for _, err := range l.Lookup(background(), "INBOX", ids) {
		if err != nil {
			return err
		}
		n++
	}
	clock.lap("lookup")
	if n != len(ids) {
		return fmt.Errorf("%d of %d records are found", n, len(ids))
	}
	return nil
}
