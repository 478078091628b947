package badgerstore_test

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/store/storetest"
	"github.com/dandyroll/dandyroll/watermark"
)

func TestStore(t *testing.T) {
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, storetest.Config{
				Open: func(_ testing.TB, dir string) (store.Store, error) {
					return badgerstore.Open(dir, &badgerstore.Options{Key: key})
				},
				Persistent: true,
				Newer:      makeNewer,
				Damage:     cutLastCommit,
			})
		})
	}
}

func keys() map[string]watermark.Key {
	return map[string]watermark.Key{"encrypted": watermark.NewKey(), "plain": {}}
}

// makeNewer raises the format in the seal's header, and makes its checksum right.
func makeNewer(t testing.TB, dir string) {
	t.Helper()
	path := filepath.Join(dir, "seal")
	data := readFile(t, path)
	binary.BigEndian.PutUint16(data[8:], 4)
	binary.BigEndian.PutUint32(data[18:], crc32.Checksum(data[:18], crc32.MakeTable(crc32.Castagnoli)))
	writeFile(t, path, data)
}

// cutLastCommit cuts the table that holds everything.
func cutLastCommit(t testing.TB, dir string) {
	t.Helper()
	for _, path := range filesOf(t, dir, "*.sst") {
		if err := os.Truncate(path, 1000); err != nil {
			t.Fatal(err)
		}
	}
}

func filesOf(t testing.TB, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "db", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file %s in the database (%v)", pattern, err)
	}
	return paths
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
