//go:build unix

package badgerstore_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

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

// BenchmarkOpen opens a store and a pair of it with 50 folders, as a pass that finds nothing new does,
// and closes both.
func BenchmarkOpen(b *testing.B) {
	for _, items := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(items), func(b *testing.B) {
			key, dir := watermark.NewKey(), b.TempDir()
			s, l := openBench(b, dir, key)
			folder := func(i int) string { return fmt.Sprint("folder ", i%50) }
			for i := 0; i < items; i += 500 {
				if err := l.Commit(b.Context(), migratedTo(folder, key, i, 500)); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, l := openBench(b, dir, key)
				for _, err := range l.Folders(b.Context(), store.Source) {
					if err != nil {
						b.Fatal(err)
					}
				}
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

// BenchmarkCommitTogether commits windows of several folders at once, each with the intents of the next window.
func BenchmarkCommitTogether(b *testing.B) {
	const window = 100
	key := watermark.NewKey()
	s, l := openBench(b, b.TempDir(), key)
	n := 0
	for b.Loop() {
		var all sync.WaitGroup
		for lane := range lanes {
			folder := func(int) string { return fmt.Sprint("folder ", lane) }
			batch := migratedTo(folder, key, lane*laneNumbers+n, window)
			for _, r := range migratedTo(folder, key, lane*laneNumbers+n+window, window).Records {
				r.Status = store.Intent
				batch.Records = append(batch.Records, r)
			}
			all.Go(func() {
				if err := l.Commit(b.Context(), batch); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
		n += window
	}
	b.ReportMetric(float64(lanes*n)/b.Elapsed().Seconds(), "items/s")
	if err := s.Close(); err != nil {
		b.Fatal(err)
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

// BenchmarkMillion lets another process commit a million migrated items of one folder, and then
// read them, and reports its peak memory and what each step took.
func BenchmarkMillion(b *testing.B) {
	for name, key := range keys() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c := startChild(b, "million", b.TempDir(), keyText(key))
				for line := c.line(); line != ""; line = c.line() {
					value, unit, _ := strings.Cut(line, " ")
					seconds, err := strconv.ParseFloat(value, 64)
					if err != nil {
						b.Fatal(line)
					}
					b.ReportMetric(seconds, unit)
				}
				if err := c.cmd.Wait(); err != nil {
					b.Fatal(err, c.stderr)
				}
				if usage, ok := c.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
					b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB")
				}
			}
		})
	}
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
