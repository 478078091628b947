package badgerstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/dgraph-io/badger/v4"
)

// logHeader is the length of the header of Badger's logs: the ID of the data key (8) and the
// beginning of the initialization vector (12).
const logHeader = 20

// maxKey is the longest key that Badger's logs may hold.
const maxKey = 1 << 16

// scanLog returns where the last whole entry of one of Badger's logs ends.
//
// What follows it is either unwritten or the half of an entry that a kill left; Badger drops it
// too, but allocates before that whatever the half says it needs. A log whose entries would be
// decrypted under no or an unknown key is damage.
func scanLog(path string, registry *badger.KeyRegistry, encrypted bool) (end int64, err error) {
	data, err := readBounded(path, 2*oldMemTableSize)
	if err != nil {
		return 0, fmt.Errorf("read a log: %w", err)
	}
	if len(data) < logHeader {
		return 0, nil
	}
	end = logHeader
	for {
		n := entryLength(data[end:])
		if n == 0 {
			break
		}
		end += int64(n)
	}
	if end == logHeader {
		return end, nil
	}
	key := binary.BigEndian.Uint64(data)
	if _, err := registry.DataKey(key); err != nil || encrypted != (key != 0) {
		return 0, damaged("a log is under another key")
	}
	return end, nil
}

// entryLength returns the length of the entry that b begins with, or 0 where it is not whole:
//
//	meta (1), user meta (1), length of key, length of value, expiry (varints), key, value, CRC-32C
func entryLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	head := 2
	var fields [3]uint64 // key, value, expiry
	for i := range fields {
		v, n := binary.Uvarint(b[head:])
		if n <= 0 {
			return 0
		}
		fields[i] = v
		head += n
	}
	key, value, left := fields[0], fields[1], uint64(len(b)-head)
	if key == 0 || key > maxKey || value > left || key+value+crc32.Size > left {
		return 0
	}
	body := head + int(key+value)
	if crc32.Checksum(b[:body], castagnoli()) != binary.BigEndian.Uint32(b[body:]) {
		return 0
	}
	return body + crc32.Size
}
