package badgerstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// What can end its process runs in another one: this test binary, with the name of a task in its
// environment.
const taskVariable = "BADGERSTORE_TEST_TASK"

func TestMain(m *testing.M) {
	switch task := os.Getenv(taskVariable); task {
	case "":
		os.Exit(m.Run())
	case "commit":
		exit(commitForEver(os.Args[1], keyArg(os.Args[2]), os.Args[3], os.Args[4] == "renew"))
	case "together":
		exit(commitTogether(os.Args[1], keyArg(os.Args[2])))
	case "hold":
		exit(openAndHold(os.Args[1], keyArg(os.Args[2])))
	case "million":
		exit(million(os.Args[1], keyArg(os.Args[2])))
	case "verify":
		exit(verifyAll(keyArg(os.Args[1]), os.Args[2]))
	default:
		exit(fmt.Errorf("no task %q", task))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

func keyText(key watermark.Key) string {
	if key.IsZero() {
		return "none"
	}
	return key.Export()
}

func keyArg(text string) watermark.Key {
	key, err := watermark.ParseKey(text)
	if err != nil {
		return watermark.Key{}
	}
	return key
}

// child is a running task.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *bufio.Scanner
	stderr *strings.Builder
}

func startChild(t testing.TB, task string, args ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...) //nolint:noctx // killed by the cleanup below
	cmd.Env = append(os.Environ(), taskVariable+"="+task)
	c := &child{cmd: cmd, stderr: &strings.Builder{}}
	cmd.Stderr = c.stderr
	var err error
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.output = bufio.NewScanner(stdout)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

// line returns the next line of output, or "" when there is none any more.
func (c *child) line() string {
	if !c.output.Scan() {
		return ""
	}
	return c.output.Text()
}

// kill ends the child as a power switch would, and waits for its end.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// batchOf is commit number n of the test's ledgers, with size records that tell n.
func batchOf(n, size int) store.Batch {
	var b store.Batch
	for i := range size {
		r := recordOf(n*size + i)
		r.Size = int64(n)
		b.Records = append(b.Records, r)
	}
	b.Pass = &store.Pass{Number: uint64(n)}
	return b
}

func recordOf(n int) store.Record {
	return store.Record{
		Folder: fmt.Sprint("folder ", n%7), ID: watermark.ID(fmt.Appendf(nil, "%16d", n)), Status: store.Settled,
		Types: watermark.Types{Source: "imap", Destination: "imap"}, Generation: 1, Ref: strconv.Itoa(n), Validity: "1",
		Received: time.Unix(1_700_000_000, 0), At: time.Unix(1_700_000_000, 0), Digest: [16]byte{byte(n)},
		Version: strconv.Itoa(n), Flags: fmt.Sprint("flags ", n%5), Trashed: n%3 == 0,
	}
}

// commitForEver commits batches, and writes the number of each that was accepted.
func commitForEver(dir string, key watermark.Key, sizeText string, renew bool) error {
	size, err := strconv.Atoi(sizeText)
	if err != nil {
		return err
	}
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		return err
	}
	if renew {
		badgerstore.RenewAlways(s)
	}
	l, err := s.Open(background(), "pair")
	if err != nil {
		return err
	}
	n := 0
	for p, err := range s.History(background(), "pair") {
		if err != nil {
			return err
		}
		n = int(p.Number)
	}
	for {
		n++
		if err := l.Commit(background(), batchOf(n, size)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// The lanes of commitTogether commit at the same time. Their batches have numbers from lane*laneNumbers+1.
const (
	lanes       = 4
	laneNumbers = 1_000_000
	laneBatch   = 50
)

// commitTogether lets lanes commit batches, until the process is killed, and writes the number of each that was accepted.
func commitTogether(dir string, key watermark.Key) error {
	_, l, err := openPair(dir, key)
	if err != nil {
		return err
	}
	next := map[int]int{}
	for r, err := range l.Records(background(), store.AllFolders) {
		if err != nil {
			return err
		}
		lane := int(r.Size) / laneNumbers
		next[lane] = max(next[lane], int(r.Size)+1)
	}
	failed := make(chan error)
	for lane := range lanes {
		go func() {
			for n := max(next[lane], lane*laneNumbers+1); ; n++ {
				b := batchOf(n, laneBatch)
				b.Pass = nil
				if err := l.Commit(background(), b); err != nil {
					failed <- err
					return
				}
				fmt.Println(n)
			}
		}()
	}
	return <-failed
}

// openAndHold opens a store, waits until the logs that it found are tables, and says so.
func openAndHold(dir string, key watermark.Key) error {
	before, err := filepath.Glob(filepath.Join(dir, "db", "*.mem"))
	if err != nil {
		return err
	}
	if _, err := badgerstore.Open(dir, &badgerstore.Options{Key: key}); err != nil {
		return err
	}
	for _, path := range before {
		for {
			if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Println("flushed")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// verifyAll answers each directory on its input with what became of the database in it: "whole",
// "damaged", "key", or something that must not be.
func verifyAll(key watermark.Key, wantText string) error {
	want, err := strconv.Atoi(wantText)
	if err != nil {
		return err
	}
	dirs := bufio.NewScanner(os.Stdin)
	for dirs.Scan() {
		fmt.Println(verdict(dirs.Text(), key, want))
	}
	return dirs.Err()
}

func verdict(dir string, key watermark.Key, want int) string {
	err := verify(dir, key, want)
	switch {
	case err == nil:
		return "whole"
	case errors.Is(err, store.ErrDamaged):
		return "damaged"
	case errors.Is(err, store.ErrKey):
		return "key"
	}
	return fmt.Sprintf("wrong: %q", err)
}

// verify opens a database and makes sure that it has records 0 to want-1 in each of its pairs.
func verify(dir string, key watermark.Key, want int) (err error) {
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, pair := range pairsOfFixture() {
		l, err := s.Open(background(), pair)
		if err != nil {
			return err
		}
		if err := verifyRecords(l, want); err != nil {
			return err
		}
	}
	return nil
}

func verifyRecords(l store.Ledger, want int) error {
	have := map[watermark.ID]store.Record{}
	for r, err := range l.Records(background(), store.AllFolders) {
		if err != nil {
			return err
		}
		have[r.ID] = r
	}
	for n := range want {
		r, w := have[recordOf(n).ID], recordOf(n)
		if r.Ref != w.Ref || r.Digest != w.Digest || r.Folder != w.Folder || !r.At.Equal(w.At) ||
			r.Version != w.Version || r.Flags != w.Flags || r.Trashed != w.Trashed {
			return fmt.Errorf("record %d is %+v", n, r)
		}
	}
	if len(have) != want {
		return fmt.Errorf("there are %d records, want %d", len(have), want)
	}
	return nil
}

func pairsOfFixture() []string { return []string{"pair", "other"} }
