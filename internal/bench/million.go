package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
)

// millionOutcomes are those of four passes, one after the other.
type millionOutcomes struct{ full, nothing, planned, some outcome }

// million measures passes over a folder with a million items, each pass in a process of its own.
func (w *world) million(ctx context.Context) ([]row, error) {
	n := w.size.of(1_000_000)
	more := n + n/100
	w.say("a folder of %d items", n)
	state := filepath.Join(w.disk, "million")
	var did millionOutcomes
	for _, step := range []struct {
		what  string
		order order
		to    *outcome
	}{
		{"full pass", order{Items: n}, &did.full},
		{"delta, nothing new", order{Items: n, Present: n}, &did.nothing},
		{"plan", order{Items: n, Present: n, Plan: true}, &did.planned},
		{"delta, 1 % new", order{Items: more, Present: n}, &did.some},
	} {
		step.order.State, step.order.KeyFile = state, w.keyFile
		var err error
		if *step.to, err = w.inChild(ctx, step.order); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		w.say("  %s: %s, %.1f MiB", step.what, short(step.to.Took), mebibytes(step.to.Peak))
	}
	disk, err := diskUse(state)
	return did.rows(n, more, disk), err
}

// rows are about n items, or more in the end, which take so many bytes on the disk.
func (did millionOutcomes) rows(n, more int, disk int64) []row {
	title := count(n) + " items in one folder, with Badger on a disk"
	return []row{
		{
			name: title + ": peak memory", value: mebibytes(max(did.full.Peak, did.nothing.Peak, did.some.Peak)), format: "%.0f MiB",
			least: atMost(192), moonshot: atMost(96),
			how: fmt.Sprintf("full %v, %.0f MiB of it pages of files; delta with nothing new %v, with 1 %% new %v; GOGC=%d, as in mailmove, from %s items on",
				did.full, mebibytes(did.full.Files), did.nothing, did.some, gcPercent, count(manyItems)),
		},
		{
			name: title + ": planning all of them, listing both sides whole", value: did.planned.Took.Seconds(), format: "%.1f s",
			least: atMost(10), moonshot: atMost(3),
			how: fmt.Sprintf("%v; listing both sides alone takes %s", did.planned, short(did.planned.Drained)),
		},
		{
			name: "database on the disk, for each of " + count(more) + " items", value: float64(disk) / float64(more), format: "%.0f B",
			least: atMost(160), moonshot: atMost(100), how: fmt.Sprintf("%.1f MB, encrypted", float64(disk)/1e6),
		},
	}
}

// diskUse is how many bytes of the disk a directory takes: of sparse files, only what is there.
func diskUse(dir string) (used int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		n, err := diskBytes(path)
		used += n
		return err
	})
	return used, err
}
