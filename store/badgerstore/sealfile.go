package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// seal is an open seal file. It is safe for concurrent use.
type seal struct {
	dir   string
	check keyCheck

	mu    sync.Mutex
	state sealState
	file  *os.File // for appending; nil after a failure
	size  int64
	limit int64 // of size
}

// newSeal puts a seal that says state in place of what is there.
func newSeal(dir string, check keyCheck, state sealState) (*seal, error) {
	s := &seal{dir: dir, check: check, state: state}
	if err := s.rewrite(); err != nil {
		return nil, err
	}
	return s, nil
}

// update makes the seal say change too, durably.
func (s *seal) update(change sealState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return errSealBroken()
	}
	s.state.merge(change)
	if s.size > s.limit {
		return s.rewrite()
	}
	return s.append(change.encode())
}

// raise makes the format of the database at least the given one, durably.
func (s *seal) raise(format uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.file == nil: // also where an earlier raise failed: the file may still have the old one
		return errSealBroken()
	case s.state.format >= format:
		return nil
	}
	s.state.format = format
	return s.rewrite()
}

func errSealBroken() error {
	return errors.New("an earlier write of the seal failed; reopen the store")
}

// append adds a frame. A frame that fails takes the file with it: nothing may follow half a
// frame.
func (s *seal) append(payload []byte) error {
	frame := appendFrame(nil, payload)
	_, err := s.file.Write(frame)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the seal: %w", errors.Join(err, s.drop()))
	}
	s.size += int64(len(frame))
	return nil
}

// rewrite replaces the file, at any instruction by a whole one.
func (s *seal) rewrite() error {
	err := s.drop()
	path := filepath.Join(s.dir, sealName)
	data := appendFrame(s.header(), s.state.encode())
	if err = errors.Join(err, writeSynced(path+".new", data)); err != nil {
		return fmt.Errorf("write the seal: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replace the seal: %w", err)
	}
	if err := syncDir(s.dir); err != nil {
		return fmt.Errorf("replace the seal: %w", err)
	}
	if s.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return fmt.Errorf("open the seal: %w", err)
	}
	s.size = int64(len(data))
	s.limit = 2*s.size + sealGrowth
	return nil
}

func (s *seal) header() []byte {
	b := binary.BigEndian.AppendUint16([]byte(sealMagic), s.state.format)
	b = append(b, s.check[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

// drop closes the file without a word in it.
func (s *seal) drop() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// known reports whether the seal has the sum of a table.
func (s *seal) known(table uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.state.tables[table]
	return ok
}

// sums returns what the seal says of the two files that only grow.
func (s *seal) sums() (manifest, registry fileSum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.manifest, s.state.registry
}

// position returns where the seal has a pair, and whether it knows it.
func (s *seal) position(t tag) (position, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.state.pairs[t]
	return p, ok
}

// tags returns the pairs that the seal knows.
func (s *seal) tags() []tag {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.state.pairs))
}

func (s *seal) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop()
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // which cannot sync a directory
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
