package pass_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// computed is folders of any number of small mails that are computed when they are asked for, so that what
// a pass holds in memory is the pass's own. As a destination it holds those that were put.
type computed struct {
	endpoint.Unimplemented
	kind string
	key  watermark.Key

	mu      sync.Mutex
	folders []computedFolder
}

type computedFolder struct {
	items int            // as a source
	marks []watermark.ID // of what was put
}

// newComputed returns a pair of mailboxes of which the source has n items in so many folders.
func newComputed(key watermark.Key, n, folders int) (src, dst *computed) {
	src = &computed{kind: "src", key: key, folders: make([]computedFolder, folders)}
	dst = &computed{kind: "dst", key: key, folders: make([]computedFolder, folders)}
	src.bring(n / folders)
	for i := range dst.folders { // so that growing does not show among what a pass holds
		dst.folders[i].marks = make([]watermark.ID, 0, 2*n/folders)
	}
	return src, dst
}

// bring adds items to each folder.
func (d *computed) bring(n int) {
	for i := range d.folders {
		d.folders[i].items += n
	}
}

// folder returns a folder as it is now.
func (d *computed) folder(f endpoint.Folder) *computedFolder {
	i, _ := strconv.Atoi(f.ID)
	return &d.folders[i]
}

func (d *computed) Info() endpoint.Info {
	return endpoint.Info{Type: d.kind, Driver: "computed/1", Account: d.kind + "@example.org"}
}

func (d *computed) Capabilities(context.Context) (endpoint.Capabilities, error) {
	return endpoint.Capabilities{
		Read:   map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {endpoint.RFC822}},
		Write:  map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {endpoint.RFC822}},
		States: true, Received: true, Exact: true, Keywords: true, Concurrency: 4, Identity: "computed",
	}, nil
}

func (d *computed) Folders(context.Context) iter.Seq2[endpoint.Folder, error] {
	return func(yield func(endpoint.Folder, error) bool) {
		for i := range d.folders {
			d.mu.Lock()
			n := d.folders[i].items + len(d.folders[i].marks)
			d.mu.Unlock()
			path := []string{inbox}
			if i > 0 {
				path = []string{fmt.Sprintf("Folder %d", i)}
			}
			f := endpoint.Folder{ID: strconv.Itoa(i), Path: path, Validity: "7", State: strconv.Itoa(n), Items: n}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// from is how many items a state says were there.
func from(since string) int {
	n, _ := strconv.Atoi(since)
	return n
}

func (d *computed) List(_ context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		for i := from(since); i < d.folder(f).items; i++ {
			it := endpoint.Item{
				Ref: strconv.Itoa(i + 1), Kind: endpoint.Mail, Identity: fmt.Sprintf("<%d@computed.example> and the other fields", i),
				Received: time.Unix(1_500_000_000+int64(i), 0), Size: 200,
			}
			if !yield(it, nil) {
				return
			}
		}
	}
}

func (d *computed) Refs(_ context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range d.folder(f).items + len(d.folder(f).marks) {
			if !yield(strconv.Itoa(i+1), nil) {
				return
			}
		}
	}
}

func (d *computed) Read(_ context.Context, _ endpoint.Folder, refs []string, _ endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		for _, ref := range refs {
			text := fmt.Sprintf("Message-ID: <%s@computed.example>\r\n\r\nThe body of mail %s.\r\n", ref, ref)
			if !yield(endpoint.Body{Ref: ref, Content: endpoint.Bytes(endpoint.RFC822, []byte(text))}, nil) {
				return
			}
		}
	}
}

func (d *computed) Marks(_ context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		marks := d.folder(f).marks
		for i := from(since); i < len(marks); i++ {
			mark := d.key.Mark(watermark.Types{Source: "src", Destination: "dst"}, "ann", 1, marks[i])
			if !yield(endpoint.Sighting{Ref: strconv.Itoa(i + 1), Marks: watermark.Reading{Marks: []watermark.Mark{mark}}}, nil) {
				return
			}
		}
	}
}

func (d *computed) Put(_ context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for _, it := range items {
			r, err := it.Content.Open()
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			d.mu.Lock()
			folder := d.folder(f)
			folder.marks = append(folder.marks, it.Mark.Item)
			d.mu.Unlock()
			if !yield(endpoint.PutResult{Mark: it.Mark, Err: err}, nil) {
				return
			}
		}
	}
}

func (d *computed) Close() error { return nil }

// scale is how many items and folders DANDYROLL_SCALE asks for: "1000000", or "100000/50".
func scale() (items, folders int) {
	n, f, _ := strings.Cut(os.Getenv("DANDYROLL_SCALE"), "/")
	items, _ = strconv.Atoi(n)
	folders, _ = strconv.Atoi(f)
	return items, max(folders, 1)
}

// TestScale runs passes over as many items and folders as DANDYROLL_SCALE says, on Badger, and prints the
// time and the greatest resident set of each. The destination holds 16 to 20 bytes of it an item.
func TestScale(t *testing.T) {
	n, folders := scale()
	if n == 0 {
		t.Skip("DANDYROLL_SCALE is not set")
	}
	db, err := badgerstore.Open(filepath.Join(t.TempDir(), "state"), &badgerstore.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	key := watermark.NewKey()
	src, dst := newComputed(key, n, folders)
	engine, err := pass.New(pass.Config{Store: db, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		more int
		o    pass.Options
	}{
		{"full", 0, pass.Options{Window: 1024}},
		{"nothing new", 0, pass.Options{}},
		{"1 % new", n / 100, pass.Options{Window: 1024}},
		{"nothing new", 0, pass.Options{}},
		{"full scan", 0, pass.Options{FullScan: true}},
	} {
		src.bring(step.more / folders)
		debug.FreeOSMemory()
		peak := watchResident()
		began := time.Now()
		p := pass.Pair{ID: "ann", Source: endpoint.New(src), Destination: endpoint.New(dst)}
		var planned time.Duration
		step.o.Observer = func(e pass.Event) {
			if ph, ok := e.(pass.PhaseStarted); ok && ph.Phase == pass.Transferring {
				planned = time.Since(began)
			}
		}
		r, err := engine.Run(t.Context(), p, step.o)
		if err != nil || !r.Complete {
			t.Fatalf("%v\n%v", err, r)
		}
		anonymous, mapped := peak()
		t.Logf("%-12s %8d listed %8d migrated %8v (%v until transfer), resident at most %d MiB of its own and %d MiB of mapped files",
			step.name, r.Totals.Listed, r.Totals.Migrated, time.Since(began).Round(time.Millisecond), planned.Round(time.Millisecond),
			anonymous>>10, mapped>>10)
	}
}

// watchResident begins to watch the resident set; what it returns ends that, and tells the most of it in
// KiB: memory of the process's own, and pages of files that it maps, as Badger does its tables.
func watchResident() func() (anonymous, mapped int64) {
	var most [2]int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for ticker := time.NewTicker(5 * time.Millisecond); ; {
			status, _ := os.ReadFile("/proc/self/status")
			for i, field := range []string{"RssAnon:", "RssFile:"} {
				_, rest, _ := bytes.Cut(status, []byte(field))
				line, _, _ := bytes.Cut(rest, []byte(" kB"))
				n, _ := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
				most[i] = max(most[i], n)
			}
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	}()
	return func() (anonymous, mapped int64) {
		close(stop)
		<-done
		return most[0], most[1]
	}
}

// BenchmarkPlan plans 100,000 items, or as many as DANDYROLL_SCALE says, with a ledger that knows all of them.
func BenchmarkPlan(b *testing.B) {
	n, folders := scale()
	if n == 0 {
		n = 100_000
	}
	key := watermark.NewKey()
	src, dst := newComputed(key, n, folders)
	engine, err := pass.New(pass.Config{Store: memstore.New(), Key: key})
	if err != nil {
		b.Fatal(err)
	}
	p := pass.Pair{ID: "ann", Source: endpoint.New(src), Destination: endpoint.New(dst)}
	if _, err := engine.Run(b.Context(), p, pass.Options{Window: 1024}); err != nil {
		b.Fatal(err)
	}
	for name, o := range map[string]pass.Options{
		"summaries": {},
		"records":   {Select: pass.Selection{MaxSize: 1 << 40}}, // for which no summary holds
		"listing":   {FullScan: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			runtime.GC()
			for b.Loop() {
				r, err := engine.Plan(b.Context(), p, o)
				if err != nil || r.Totals.Already != n {
					b.Fatal(err, r)
				}
			}
		})
	}
}
