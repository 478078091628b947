package badgerstore

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/dgraph-io/ristretto/v2/z"
	"google.golang.org/protobuf/proto"
)

// maxTable is the greatest size of a table. The largest are logs that were flushed whole.
const maxTable = 1 << 30

// verifyTable holds a table that the seal does not know yet against its own checksums. There are
// such tables only after a kill: those that Badger made since the last commit.
func (c *fileCheck) verifyTable(id uint64, entry badger.TableManifest, registry *badger.KeyRegistry) error {
	key, err := registry.DataKey(entry.KeyID)
	if err != nil {
		return damaged("table %d is under another key", id)
	}
	path := table.NewFilename(id, c.dir)
	data, err := readBounded(path, maxTable)
	if err != nil {
		return fmt.Errorf("read table %d: %w", id, err)
	}
	err = guard(func() error {
		if err := verifyIndex(data); err != nil {
			return err
		}
		return verifyBlocks(path, entry, key)
	})
	if err != nil {
		return damaged("table %d was changed", id)
	}
	return nil
}

// verifyIndex checks the end of a table, without which Badger ends the process:
//
//	blocks, index, its length (4), its checksum, the checksum's length (4)
func verifyIndex(data []byte) error {
	rest, sum, ok := cutBack(data)
	if !ok {
		return errCodec
	}
	_, index, ok := cutBack(rest)
	if !ok {
		return errCodec
	}
	want := &pb.Checksum{}
	if err := proto.Unmarshal(sum, want); err != nil {
		return fmt.Errorf("checksum of the index: %w", err)
	}
	return y.VerifyChecksum(index, want)
}

// cutBack takes a field off the end of b, where its length follows it.
func cutBack(b []byte) (rest, field []byte, ok bool) {
	n := len(b) - 4
	if n < 0 {
		return nil, nil, false
	}
	length := uint64(binary.BigEndian.Uint32(b[n:]))
	if length > uint64(n) {
		return nil, nil, false
	}
	start := n - int(length)
	return b[:start], b[start:n], true
}

// verifyBlocks opens a table as Badger does, but in this goroutine, where a panic can be caught.
func verifyBlocks(path string, entry badger.TableManifest, key *pb.DataKey) error {
	cache, err := ristretto.NewCache(&ristretto.Config[uint64, *fb.TableIndex]{
		NumCounters: 16, MaxCost: maxTable, BufferItems: 64,
	})
	if err != nil {
		return err
	}
	defer cache.Close()
	mapped, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	t, err := table.OpenTable(mapped, table.Options{
		ReadOnly: true, ChkMode: options.OnTableRead, Compression: entry.Compression,
		BlockSize: 4 << 10, DataKey: key, IndexCache: cache,
	})
	if err != nil {
		return err
	}
	return t.Close(-1)
}
