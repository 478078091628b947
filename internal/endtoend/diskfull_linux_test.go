package endtoend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	// diskVariable carries a diskOrder, in JSON, to a process that has a disk of its own.
	diskVariable = "DANDYROLL_TEST_DISK"
	// diskSize is the size of that disk. It takes as much memory as is written to it.
	diskSize = 1 << 30
	// diskItems are migrated, diskWindow between two commits.
	diskItems, diskWindow = 1600, 5
)

// diskOrder is what such a process is to do.
type diskOrder struct {
	Dir     string // where to mount the disk
	Free    int64  // bytes that are left free on it
	MinFree int64  // badgerstore.Options.MinFree
	Bulk    bool   // fill it with sightings, instead of migrating items
}

// diskResult is what became of it.
type diskResult struct {
	NoDisk  string // why there is no disk
	Error   string // what went wrong
	Stopped bool   // there was a typed stop
	Done    int    // items that were at the destination then, or commits
	Used    int64  // most bytes of the disk that were in use, ballast apart
	Lost    int
	Dup     int
}

// TestProveDiskFull has the disk of a state directory get full at many points of a pass. Each time
// the pass must end with store.ErrNoSpace, not with a signal, and come to its end when there is room
// again. In the long form, the disk is also filled with records at the default distance.
func TestProveDiskFull(t *testing.T) {
	const minFree = badgerstore.DefaultMinFree
	whole := diskRun(t, diskOrder{Free: 512 << 20, MinFree: minFree})
	if whole.Error != "" || whole.Stopped || whole.Used == 0 {
		t.Fatalf("with room: %+v", whole)
	}
	var f diskFigures
	stops := map[int]bool{}
	points := prove.Scale(3, 100)
	for i := range points {
		// From less than opening needs to about what the whole pass does.
		free := minFree - 16<<10 + whole.Used*int64(i)/int64(points)
		r := diskRun(t, diskOrder{Free: free, MinFree: minFree})
		f.count(t, free, r)
		stops[r.Done] = true
	}
	t.Logf("a pass takes %d KiB; it was stopped at %d different places", whole.Used>>10, len(stops))
	if len(stops) < points/3 {
		t.Errorf("the stops are not spread: %v", stops)
	}
	for i := range prove.Scale(0, 4) {
		free := int64(badgerstore.DefaultMinFree + (24+i*70)<<20)
		f.count(t, free, diskRun(t, diskOrder{Free: free, Bulk: true}))
	}
	prove.Record(t, "disk full during a pass", f.Figures)
}

type diskFigures struct{ prove.Figures }

// count judges one run on a disk that got full.
func (f *diskFigures) count(t *testing.T, free int64, r diskResult) {
	t.Helper()
	f.Tried++
	f.Lost += r.Lost
	f.Duplicated += r.Dup
	if r.Error != "" || !r.Stopped {
		f.Unexplained++
		t.Errorf("%d bytes free: %+v", free, r)
	}
}

// diskRun carries out an order in a process of its own, whose mounts nobody else sees.
func diskRun(t *testing.T, o diskOrder) (r diskResult) {
	t.Helper()
	o.Dir = t.TempDir()
	order, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), diskVariable+"="+string(order))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skip("DISK TEST SKIPPED: only root may mount a disk of its own")
	case err != nil: // a signal, too
		return diskResult{Error: fmt.Sprintf("process ended: %v: %.3000s", err, errs.String())}
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	if r.NoDisk != "" {
		t.Skip("DISK TEST SKIPPED: no disk can be mounted here: " + r.NoDisk)
	}
	return r
}

// diskProcess is what the test binary is when it was started by diskRun. It returns the status to
// exit with.
func diskProcess(order string) int {
	var o diskOrder
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return 2
	}
	var r diskResult
	if err := o.mount(); err != nil {
		r.NoDisk = err.Error()
	} else if err := o.carryOut(&r); err != nil {
		r.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return 2
	}
	return 0
}

func (o diskOrder) mount() error {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Mount("none", o.Dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskSize))
}

func (o diskOrder) ballastFile() string { return filepath.Join(o.Dir, "ballast") }

// fill takes all but Free bytes of the disk.
func (o diskOrder) fill() error {
	f, err := os.Create(o.ballastFile())
	if err != nil {
		return err
	}
	return errors.Join(syscall.Fallocate(int(f.Fd()), 0, 0, diskSize-o.Free), f.Close())
}

func (o diskOrder) used() (int64, error) {
	var fs syscall.Statfs_t
	err := syscall.Statfs(o.Dir, &fs)
	return int64(fs.Blocks-fs.Bavail) * fs.Bsize, err //nolint:gosec // a count of blocks
}

func (o diskOrder) store(key watermark.Key) (*badgerstore.Store, error) {
	return badgerstore.Open(filepath.Join(o.Dir, "state"), &badgerstore.Options{Key: key, MinFree: o.MinFree})
}

// carryOut works until the disk is too full, makes room, and goes on.
func (o diskOrder) carryOut(r *diskResult) (err error) {
	if err := o.fill(); err != nil {
		return err
	}
	ctx, key := context.Background(), watermark.NewKey()
	work := o.migrate()
	if o.Bulk {
		work = bulk()
	}
	first, err := o.attempt(ctx, key, work)
	r.Done, _, _ = work.state()
	r.Stopped = errors.Is(err, store.ErrNoSpace)
	if err != nil && !r.Stopped {
		return fmt.Errorf("stopped without a type: %w", err)
	}
	if err := os.Remove(o.ballastFile()); err != nil {
		return err
	}
	second, err := o.attempt(ctx, key, work)
	if err != nil {
		return fmt.Errorf("when there was room: %w", err)
	}
	r.Used = max(first-(diskSize-o.Free), second)
	if _, r.Lost, r.Dup = work.state(); r.Lost+r.Dup > 0 {
		return fmt.Errorf("%d lost, %d duplicated", r.Lost, r.Dup)
	}
	return nil
}

// attempt opens the database, works and closes it. It returns how much of the disk was in use before
// that.
func (o diskOrder) attempt(ctx context.Context, key watermark.Key, w diskWork) (used int64, err error) {
	db, err := o.store(key)
	if err != nil {
		return 0, err
	}
	err = w.do(ctx, db, key)
	used, statErr := o.used()
	return used, errors.Join(err, statErr, db.Close())
}

// diskWork is what the database is used for. It can be repeated.
type diskWork interface {
	do(ctx context.Context, db *badgerstore.Store, key watermark.Key) error
	// state says how much is done, how much of it is lost, and how much was done twice.
	state() (done, lost, duplicated int)
}

// diskPass is a pass between two mailboxes.
type diskPass struct{ source, destination *memendpoint.Server }

func (o diskOrder) migrate() diskWork {
	w := diskPass{memendpoint.NewServer(), memendpoint.NewServer()}
	for i := range diskItems {
		text := fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", i)
		if _, err := w.source.Deliver([]string{"INBOX"}, memendpoint.Message{Body: []byte(text)}); err != nil {
			panic(err) // of the process that was made for this
		}
	}
	return w
}

func (w diskPass) do(ctx context.Context, db *badgerstore.Store, key watermark.Key) error {
	engine, err := pass.New(pass.Config{Store: db, Key: key})
	if err != nil {
		return err
	}
	from := w.source.Open(&memendpoint.Options{Type: "src", Account: "ann@old.example", ReadOnly: true})
	to := w.destination.Open(&memendpoint.Options{Type: "dst", Account: "ann@new.example"})
	defer func() { _, _ = from.Close(), to.Close() }()
	report, err := engine.Run(ctx, pass.Pair{ID: "ann", Source: from, Destination: to}, pass.Options{Window: diskWindow})
	if err == nil && (!report.Complete || !report.Closes()) {
		err = fmt.Errorf("incomplete: %+v", report.Totals)
	}
	return err
}

func (w diskPass) state() (done, lost, duplicated int) {
	there := map[string]int{}
	for _, m := range w.destination.Messages("INBOX") {
		_, subject, _ := strings.Cut(string(m.Body), "Subject: ")
		there[subject]++
		duplicated += min(1, there[subject]-1)
	}
	return len(there), diskItems - len(there), duplicated
}

// diskBulk commits sightings until there is no more room, or there are enough.
type diskBulk struct{ accepted, found int }

const (
	bulkCommits = 600
	bulkBatch   = 512
	bulkRef     = 1 << 10 // bytes of a reference
)

func bulk() diskWork { return &diskBulk{} }

func (w *diskBulk) do(ctx context.Context, db *badgerstore.Store, _ watermark.Key) (err error) {
	l, err := db.Open(ctx, "ann")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w.found = 0
	for _, err := range l.Sightings(ctx, "INBOX") {
		if err != nil {
			return err
		}
		w.found++
	}
	if w.accepted > 0 {
		return nil // it was to be looked at
	}
	for range bulkCommits {
		if err := l.Commit(ctx, store.Batch{Sightings: w.next()}); err != nil {
			return err
		}
		w.accepted += bulkBatch
	}
	return nil
}

func (w *diskBulk) next() []store.Sighting {
	var all []store.Sighting
	for i := range bulkBatch {
		all = append(all, store.Sighting{Folder: "INBOX", Ref: fmt.Sprintf("%0*d", bulkRef, w.accepted+i)})
	}
	return all
}

func (w *diskBulk) state() (done, lost, duplicated int) {
	return w.accepted, max(0, w.accepted-w.found), max(0, w.found-w.accepted)
}
