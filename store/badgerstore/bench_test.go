//go:build unix

package badgerstore_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// migrated returns the settlements of n items, as a pass over IMAP commits them: a record and a
// sighting each. The IDs are spread as those of marks are.
func migrated(key watermark.Key, first, n int) store.Batch {
	var b store.Batch
	types := watermark.Types{Source: "imap", Destination: "imap"}
	for i := first; i < first+n; i++ {
		id := key.ItemID(watermark.Item{Types: types, Pair: "bench", Generation: 1, Ordinal: i})
		folder := fmt.Sprint("folder ", i/10_000)
		b.Records = append(b.Records, store.Record{
			Folder: folder, ID: id, Status: store.Settled, Types: types, Generation: 1,
			Ref: fmt.Sprint(i), Validity: "1700000000", Received: time.Unix(1_500_000_000+int64(i)*60, 0),
			Size: 8192 + int64(i%1000), Digest: id, At: time.Unix(1_700_000_000+int64(i), 0), Flags: `(\Seen)`,
		})
		b.Sightings = append(b.Sightings, store.Sighting{Folder: folder, Ref: fmt.Sprint(i), ID: id})
	}
	return b
}

// BenchmarkSize fills a ledger with 100,000 migrated items and reports the bytes on disk of each,
// after Close, and the time that opening the pair takes.
func BenchmarkSize(b *testing.B) {
	const items, window = 100_000, 100
	for name, key := range keys() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				dir := b.TempDir()
				s, l := openBench(b, dir, key)
				for i := 0; i < items; i += window {
					if err := l.Commit(b.Context(), migrated(key, i, window)); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(diskUse(b, dir))/items, "disk-bytes/item")
				began := time.Now()
				s, _ = openBench(b, dir, key)
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "open-ms")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCommit commits windows of migrated items.
func BenchmarkCommit(b *testing.B) {
	for _, window := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(window), func(b *testing.B) {
			key := watermark.NewKey()
			s, l := openBench(b, b.TempDir(), key)
			n := 0
			for b.Loop() {
				if err := l.Commit(b.Context(), migrated(key, n, window)); err != nil {
					b.Fatal(err)
				}
				n += window
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "items/s")
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func openBench(b *testing.B, dir string, key watermark.Key) (*badgerstore.Store, store.Ledger) {
	b.Helper()
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		b.Fatal(err)
	}
	l, err := s.Open(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	return s, l
}

// diskUse is how many bytes of the disk a directory takes: of sparse files, only what is there.
func diskUse(b *testing.B, dir string) int64 {
	b.Helper()
	var used int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if stat, ok := info.Sys().(*syscall.Stat_t); err == nil && ok {
			used += stat.Blocks * 512
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return used
}
