package badgerstore

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"google.golang.org/protobuf/proto"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// opened returns a store and the ledger of a pair of it.
func opened(t *testing.T, dir string) (*Store, *ledger) {
	t.Helper()
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // its error matters nowhere here
	l, err := s.Open(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	return s, l.(*ledger)
}

func resetBatchOf(n int) store.Batch {
	var b store.Batch
	for i := range n {
		var id watermark.ID
		binary.BigEndian.PutUint32(id[:], uint32(i))
		b.Records = append(b.Records, store.Record{Folder: "INBOX", ID: id, Status: store.Settled})
		b.Sightings = append(b.Sightings, store.Sighting{Folder: "INBOX", Ref: id.String(), ID: id})
	}
	b.Folders = []store.Folder{{Side: store.Destination, Name: "INBOX"}, {Side: store.Source, Name: "INBOX"}}
	b.Records[0].Folder = "Sent"
	return b
}

// crashed opens a copy of a state directory, as a kill at this moment leaves it.
func crashed(t *testing.T, dir string) (*Store, *ledger) {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return opened(t, to)
}

// TestResetIsFinished kills a reset after each of its commits.
func TestResetIsFinished(t *testing.T) {
	const records = 100
	for steps := 1; ; steps++ {
		dir := t.TempDir()
		s, l := opened(t, dir)
		if err := l.Commit(t.Context(), resetBatchOf(records)); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		done := resetSteps(t, s, steps)
		_, l = crashed(t, dir)
		left := 0
		for r, err := range l.Records(t.Context(), store.AllFolders) {
			if err != nil {
				t.Fatal(err)
			}
			left++
			if r.Folder != "Sent" {
				t.Errorf("cut after %d commits, record %s is there", steps, r.ID)
			}
		}
		if left != 1 || l.state.reset != nil {
			t.Errorf("cut after %d commits, %d records are left, want the one that the filter spares", steps, left)
		}
		if scans := len(l.state.positions) + l.state.folders[l.state.names.numbers["INBOX"]].sightings.count; scans != 0 {
			t.Errorf("cut after %d commits, %d scan positions and sightings are left", steps, scans)
		}
		if done {
			if steps < 5 {
				t.Errorf("a reset took only %d commits: what was cut?", steps)
			}
			return
		}
	}
}

// resetSteps begins a reset and lets only so many commits of it pass. It reports whether these
// were all.
func resetSteps(t *testing.T, s *Store, steps int) (done bool) {
	t.Helper()
	l, err := s.acquire(t.Context(), "pair", false)
	if err != nil {
		t.Fatal(err)
	}
	last := l.state.at.seq + uint64(steps)
	filter := store.Filter{Folders: []string{"INBOX"}}
	errCut := errors.New("cut")
	_, err = l.resetWith(t.Context(), filter, func(fill func(*change)) error {
		if l.state.at.seq == last {
			return errCut
		}
		return l.commit(fill)
	})
	if err != nil && !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	b := resetBatchOf(100)
	if err := l.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), store.Batch{Unscan: b.Folders[:1]}); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, s, l.state.tag.key(kindSighting)); n != 100 {
		t.Fatalf("%d dropped sightings are stored, want 100: nothing to sweep", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, l = opened(t, dir)
	if n := stored(t, s, l.state.tag.key(kindSighting)); n != 0 {
		t.Errorf("%d dropped sightings are stored after the next opening", n)
	}
}

func stored(t *testing.T, s *Store, prefix []byte) int {
	t.Helper()
	c, err := s.newCursor(prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for n := 0; ; {
		entries, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return n
		}
		n += len(entries)
	}
}

// TestSealIsCut cuts a seal at every length: it must say what an earlier one said, or be refused.
func TestSealIsCut(t *testing.T) {
	dir := t.TempDir()
	s, err := newSeal(dir, keyCheck{1}, newSealState())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	said := map[int]sealState{}
	for seq := range uint64(5) {
		change := newSealState()
		change.pairs[tag{1}] = position{seq: seq, count: seq * 7, digest: digest{byte(seq)}}
		change.tables[seq] = fileSum{seq, 9}
		if err := s.update(change); err != nil {
			t.Fatal(err)
		}
		state, _, err := readSeal(dir, keyCheck{1})
		if err != nil || state.pairs[tag{1}].seq != seq || len(state.tables) != int(seq)+1 {
			t.Fatalf("after update %d, the seal says %+v (%v)", seq, state, err)
		}
		said[int(s.size)] = state
	}
	path := filepath.Join(dir, sealName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, accepted := sealState{}, 0
	for length := range whole {
		if err := os.WriteFile(path, whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		if state, ok := said[length]; ok {
			want = state
		}
		state, _, err := readSeal(dir, keyCheck{1})
		switch {
		case err == nil && want.pairs != nil && !reflect.DeepEqual(state, want):
			t.Errorf("cut to %d bytes, the seal says %+v, want %+v", length, state, want)
		case err == nil:
			accepted++
		case !errors.Is(err, store.ErrDamaged):
			t.Errorf("cut to %d bytes: %v", length, err)
		}
	}
	if accepted == 0 {
		t.Error("every cut seal is refused: an append that a kill cuts would be, too")
	}
}

// TestSealIsFlipped flips each byte of a seal: it must say what an earlier one said, or be refused.
func TestSealIsFlipped(t *testing.T) {
	dir := t.TempDir()
	s, err := newSeal(dir, keyCheck{1}, newSealState())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	said := []sealState{newSealState()}
	for seq := range uint64(3) {
		change := newSealState()
		change.pairs[tag{1}] = position{seq: seq + 1, count: seq * 7, digest: digest{byte(seq)}}
		change.manifest = fileSum{seq + 1, 9}
		if err := s.update(change); err != nil {
			t.Fatal(err)
		}
		state, _, err := readSeal(dir, keyCheck{1})
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, state)
	}
	path := filepath.Join(dir, sealName)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] ^= 0x10
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		state, _, err := readSeal(dir, keyCheck{1})
		known := slices.ContainsFunc(said, func(s sealState) bool { return reflect.DeepEqual(s, state) })
		if err == nil && !known || err != nil && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("flipped at %d, the seal says %+v (%v)", i, state, err)
		}
		data[i] ^= 0x10
	}
}

func TestSealIsDrawnTogether(t *testing.T) {
	dir := t.TempDir()
	s, err := newSeal(dir, keyCheck{}, newSealState())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	s.size = s.limit + 1
	change := newSealState()
	change.pairs[tag{1}] = position{seq: 1}
	if err := s.update(change); err != nil {
		t.Fatal(err)
	}
	state, _, err := readSeal(dir, keyCheck{})
	if err != nil || s.size > 1000 || state.pairs[tag{1}].seq != 1 {
		t.Errorf("the seal has %d bytes and says %+v (%v)", s.size, state, err)
	}
}

// FuzzEntryLength looks that no bytes make an entry longer than they are.
func FuzzEntryLength(f *testing.F) {
	entry := []byte{0, 0, 3, 2, 0, 'k', 'e', 'y', 'v', 'a'}
	entry = binary.BigEndian.AppendUint32(entry, crc32.Checksum(entry, castagnoli()))
	f.Add(entry)
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Add([]byte{0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := entryLength(b); n < 0 || n > len(b) {
			t.Errorf("entry of %d bytes in %d", n, len(b))
		}
	})
	if n := entryLength(append(entry, 0, 0)); n != len(entry) {
		f.Errorf("entry has %d bytes, want %d", n, len(entry))
	}
}

// FuzzDecode looks that no value makes a decoder panic, and that a value that is read is what
// would be written.
func FuzzDecode(f *testing.F) {
	id := watermark.ID{1}
	record := store.Record{
		Status: store.Failed, Kind: 1, Ref: "12", Validity: "v", Gone: true, Received: time.Unix(1, 0).UTC(),
		Size: 5, Digest: [16]byte{1}, At: time.Unix(2, 0).UTC(), Attempts: 3, Code: 4, Generation: 1,
	}
	f.Add(encodeRecord(record, sharedNumbers{epoch: 1, validity: 1}))
	f.Add(encodeRecord(record, sharedNumbers{epoch: 1}))
	record.Flags, record.Version, record.Trashed, record.Follows = `(\Seen)`, "7", true, id
	f.Add(encodeRecord(record, sharedNumbers{epoch: 1, validity: 1, flags: 1}))
	f.Add(encodeRecord(record, sharedNumbers{epoch: 1}))
	f.Add(encodeMeta("pair", store.Meta{Generation: 1, Profile: []byte("p")}))
	f.Add(encodeMeta("pair", store.Meta{Generation: 1, Rebuilding: true, Purging: [16]byte{1}}))
	f.Add(encodeFilter(store.Filter{Folders: []string{"a"}, Kinds: []uint8{1}, Since: time.Unix(1, 2).UTC(), Statuses: []store.Status{1}, Removed: true}))
	f.Add(encodePass(store.Pass{Kind: "full", Started: time.Unix(1, 2).UTC(), Report: []byte("r")}))
	f.Add(encodeFolder(folderSums{sum{1, digest{1}}, sum{2, digest{2}}}, true))
	f.Add(summary{passes: sum{1, digest{1}}, stats: map[statKey]int{{1, store.Settled}: 3}}.encode())
	f.Add(encodeSighting(store.Sighting{ID: id, Ref: string(bytes.Repeat([]byte("x"), 100))}))
	f.Fuzz(func(t *testing.T, b []byte) {
		texts := values[string]{"v"}
		_, _ = decodeRecord(b, sharedValues{epochs: values[epoch]{{}}, validities: texts, flags: texts})
		_, _ = decodePosition(store.Source, "", b)
		_, _ = decodeSighting("", []byte{refHash}, b)
		if sum, err := decodeSummary(b); err == nil && !sum.old {
			again, err := decodeSummary(sum.encode())
			if err != nil || !reflect.DeepEqual(again, sum) {
				t.Errorf("summary %+v becomes %+v (%v)", sum, again, err)
			}
		}
		if sums, litter, err := decodeFolder(b); err == nil {
			again, litters, err := decodeFolder(encodeFolder(sums, litter))
			if err != nil || again != sums || litters != litter {
				t.Errorf("folder %+v becomes %+v (%v)", sums, again, err)
			}
		}
		_, _ = decodeEpoch(b)
		_, _ = statOf(b)
		_ = new(sealState{tables: map[uint64]fileSum{}, pairs: map[tag]position{}}).apply(b)
		if pair, meta, err := decodeMeta(b); err == nil {
			_, again, err := decodeMeta(encodeMeta(pair, meta))
			if err != nil || !reflect.DeepEqual(again, meta) {
				t.Errorf("meta %+v becomes %+v (%v)", meta, again, err)
			}
		}
		if filter, err := decodeFilter(b); err == nil {
			again, err := decodeFilter(encodeFilter(filter))
			if err != nil || !reflect.DeepEqual(again, filter) {
				t.Errorf("filter %+v becomes %+v (%v)", filter, again, err)
			}
		}
		if pass, err := decodePass(1, b); err == nil {
			again, err := decodePass(1, encodePass(pass))
			if err != nil || !reflect.DeepEqual(again, pass) {
				t.Errorf("pass %+v becomes %+v (%v)", pass, again, err)
			}
		}
	})
}

func TestValueChecksum(t *testing.T) {
	key, value := []byte("key"), make([]byte, 30)
	_, _ = rand.Read(value)
	sealed := sealValue(key, bytes.Clone(value))
	if opened, err := openValue(key, sealed); err != nil || !bytes.Equal(opened, value) {
		t.Fatalf("value is %x (%v), want %x", opened, err, value)
	}
	for i := range sealed {
		sealed[i] ^= 1
		if _, err := openValue(key, sealed); err == nil {
			t.Errorf("a bit flipped at %d goes unnoticed", i)
		}
		sealed[i] ^= 1
	}
	if _, err := openValue([]byte("kez"), sealed); err == nil {
		t.Error("a value under another key goes unnoticed")
	}
}

// TestRewrittenManifest rewrites the manifest as Badger does now and then, with a kill before the
// seal can know.
func TestRewrittenManifest(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	if err := l.Commit(t.Context(), resetBatchOf(100)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	rewriteManifest(t, filepath.Join(dir, dbName, manifestName))
	if _, err := Open(dir, nil); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("rewritten while the store was closed: have error %v, want ErrDamaged", err)
	}
	sealed, _, err := readSeal(dir, keyCheck{})
	if err != nil {
		t.Fatal(err)
	}
	sealed.clean = false
	killed, err := newSeal(dir, keyCheck{}, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.close(); err != nil {
		t.Fatal(err)
	}
	_, l = opened(t, dir)
	if n := l.Stats(); len(n) != 1 || n[0].Records != 100 {
		t.Errorf("statistics are %v, want those of 100 records", n)
	}
}

func rewriteManifest(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(""))
	if err != nil || len(manifest.Tables) == 0 {
		t.Fatalf("the manifest has %d tables (%v)", len(manifest.Tables), err)
	}
	var set pb.ManifestChangeSet
	for id, table := range manifest.Tables {
		set.Changes = append(set.Changes, &pb.ManifestChange{
			Id: id, Op: pb.ManifestChange_CREATE, Level: uint32(table.Level), KeyId: table.KeyID,
			EncryptionAlgo: pb.EncryptionAlgo_aes, Compression: uint32(table.Compression),
		})
	}
	changes, err := proto.Marshal(&set)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, appendFrame(data[:8:8], changes), 0o600); err != nil { // Badger's frames are like ours
		t.Fatal(err)
	}
}

// TestFullDisk lets the disk get too full for a commit, and then not any more.
func TestFullDisk(t *testing.T) {
	s, l := opened(t, t.TempDir())
	s.options.MinFree = math.MaxInt64
	if err := l.Commit(t.Context(), resetBatchOf(10)); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("have error %v, want ErrNoSpace", err)
	}
	s.options.MinFree = 0
	if n := len(l.Stats()); n != 0 {
		t.Errorf("a refused commit left %d statistics", n)
	}
	if err := l.Commit(t.Context(), resetBatchOf(10)); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func TestTooManyBytes(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	large := store.Batch{Meta: &store.Meta{Generation: 1, Profile: make([]byte, maxEntry)}}
	if err := l.Commit(t.Context(), large); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("one entry: have error %v, want ErrTooLarge", err)
	}
	b := resetBatchOf(500)
	for i := range b.Records {
		b.Records[i].Ref = string(make([]byte, 10_000))
	}
	if err := l.Commit(t.Context(), b); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("a batch: have error %v, want ErrTooLarge", err)
	}
	if err := l.Commit(t.Context(), resetBatchOf(10)); err != nil {
		t.Errorf("the ledger takes no more: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, l = opened(t, dir); len(l.Stats()) != 1 || l.Stats()[0].Records != 10 {
		t.Errorf("statistics are %v, want those of 10 records", l.Stats())
	}
}

// TestLargeLog kills a program that had larger logs.
func TestLargeLog(t *testing.T) {
	const entries = 120
	path, killed := t.TempDir(), t.TempDir()
	plain := new(Options).withDefaults()
	options := plain.badger(path).WithMemTableSize(oldMemTableSize).WithSyncWrites(false)
	db, err := badger.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	for n := range byte(entries) {
		err := db.Update(func(txn *badger.Txn) error { return txn.Set([]byte{n}, make([]byte, 100<<10)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(killed, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	checked, err := checkFiles(killed, newSealState(), plain.badger(killed))
	if err != nil || checked.memTableSize() != oldMemTableSize {
		t.Fatalf("memtables of %d bytes (%v)", checked.memTableSize(), err)
	}
	s := &Store{options: plain}
	if err := s.openBadger(killed, checked); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.db.Close() }() // only read
	for n := range byte(entries) {
		if value, err := rawValue(s.db, n); err != nil || len(value) != 100<<10 {
			t.Fatalf("entry %d has %d bytes (%v)", n, len(value), err)
		}
	}
}

func rawValue(db *badger.DB, n byte) (value []byte, err error) {
	return value, db.View(func(txn *badger.Txn) error {
		item, err := txn.Get([]byte{n})
		if err == nil {
			value, err = item.ValueCopy(nil)
		}
		return err
	})
}
