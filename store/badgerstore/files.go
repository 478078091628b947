package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// What Badger calls its files.
const (
	manifestName = badger.ManifestFilename
	registryName = badger.KeyRegistryFileName
	discardName  = "DISCARD"
	tableSuffix  = ".sst"
	logSuffix    = ".mem"
	valueSuffix  = ".vlog"
)

// fileCheck looks at Badger's files before Badger does.
//
// Badger trusts them: it ends the process from a goroutine of its own on a garbled table, drops
// what follows a garbled entry of a log, and deletes every table that a shortened manifest does
// not name. So each file is first held against what the seal says of it, and a file that is
// younger than the seal against its own checksums.
type fileCheck struct {
	dir     string
	sealed  sealState
	options badger.Options

	logs   map[string]int64 // logs, by name, and where their last whole entry ends
	litter []string         // files that Badger makes anew
}

// checkFiles checks Badger's directory dir, changing nothing. It returns an error that is
// ErrDamaged when Badger must not open it.
func checkFiles(dir string, sealed sealState, options badger.Options) (*fileCheck, error) {
	c := &fileCheck{dir: dir, sealed: sealed, options: options, logs: map[string]int64{}}
	names, err := c.list()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		c.sealed = newSealState()
		return c, nil
	}
	if err := c.checkPrefixes(); err != nil {
		return nil, err
	}
	registry, err := c.openRegistry()
	if err != nil {
		return nil, err
	}
	if err := c.checkTables(registry); err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := c.checkFile(name, registry); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tidy takes away what would make Badger stumble although nothing is lost: the value log, which
// never holds anything, the statistics of it, and the unwritten rest of logs.
func (c *fileCheck) tidy() error {
	for _, name := range c.litter {
		if err := os.Remove(filepath.Join(c.dir, name)); err != nil {
			return fmt.Errorf("remove an empty file: %w", err)
		}
	}
	for name, end := range c.logs {
		if err := os.Truncate(filepath.Join(c.dir, name), end); err != nil {
			return fmt.Errorf("cut a log to what was written: %w", err)
		}
	}
	return nil
}

// memTableSize is how large a memtable must be to take the logs that are there. Badger ends the
// process on a log that does not fit.
func (c *fileCheck) memTableSize() int64 {
	for _, end := range c.logs {
		if end > memTableSize {
			return oldMemTableSize
		}
	}
	return memTableSize
}

// list returns the names of all files, if all of them are Badger's.
func (c *fileCheck) list() ([]string, error) {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		if len(c.sealed.pairs) > 0 {
			return nil, damaged("the directory %q is gone or empty", filepath.Base(c.dir))
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the database's files: %w", err)
	}
	// Badger ends the process on some names that are almost its own.
	known := regexp.MustCompile(`^(MANIFEST|MANIFEST-REWRITE|KEYREGISTRY|REWRITE-KEYREGISTRY|LOCK|DISCARD|\d{5,9}\.(sst|mem|vlog))$`)
	var names []string
	for _, entry := range entries {
		if !known.MatchString(entry.Name()) || !entry.Type().IsRegular() {
			return nil, damaged("something that is not the database's is in %q", filepath.Base(c.dir))
		}
		names = append(names, entry.Name())
	}
	return names, nil
}

// checkPrefixes checks the two files that only grow.
func (c *fileCheck) checkPrefixes() error {
	err := c.checkPrefix(registryName, c.sealed.registry)
	if err != nil {
		return err
	}
	err = c.checkPrefix(manifestName, c.sealed.manifest)
	if err != nil && !c.sealed.clean && c.manifestRewritten() {
		return nil // by Badger, just before it was killed; the digests of the pairs decide
	}
	return err
}

func (c *fileCheck) checkPrefix(name string, want fileSum) error {
	have, size, err := sumFile(filepath.Join(c.dir, name), want.size)
	switch {
	case errors.Is(err, fs.ErrNotExist) && want.size == 0:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return damaged("%s is gone", name)
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	case size < want.size:
		return damaged("%s has %d of %d bytes", name, size, want.size)
	case have != want.crc:
		return damaged("%s was changed", name)
	case c.sealed.clean && size != want.size:
		return damaged("%s has %d bytes instead of %d", name, size, want.size)
	}
	return nil
}

// manifestRewritten reports whether the manifest was written in one piece: its first set of
// changes (4 bytes of length after 8 of magic) is empty unless it was.
func (c *fileCheck) manifestRewritten() bool {
	f, err := os.Open(filepath.Join(c.dir, manifestName))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	var head [12]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && binary.BigEndian.Uint32(head[8:]) > 0
}

func (c *fileCheck) openRegistry() (registry *badger.KeyRegistry, err error) {
	err = guard(func() (err error) {
		registry, err = badger.OpenKeyRegistry(badger.KeyRegistryOptions{
			Dir: c.dir, ReadOnly: true, EncryptionKey: c.options.EncryptionKey,
			EncryptionKeyRotationDuration: c.options.EncryptionKeyRotationDuration,
		})
		return err
	})
	if err != nil {
		return nil, damaged("%s cannot be read", registryName) // the seal says that the key is right
	}
	return registry, nil
}

// checkTables checks all tables that the manifest names, and forgets the sums of others.
func (c *fileCheck) checkTables(registry *badger.KeyRegistry) error {
	manifest, err := c.readManifest()
	if err != nil {
		return err
	}
	kept := map[uint64]fileSum{}
	for id, entry := range manifest.Tables {
		sum, sealed := c.sealed.tables[id]
		switch {
		case sealed:
			kept[id] = sum
			err = c.checkTable(id, sum)
		case c.sealed.clean:
			err = damaged("table %d came from elsewhere", id)
		default:
			err = c.verifyTable(id, entry, registry)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return damaged("table %d is gone", id)
		case err != nil:
			return err
		}
	}
	c.sealed.tables = kept
	return nil
}

func (c *fileCheck) readManifest() (manifest badger.Manifest, err error) {
	f, err := os.Open(filepath.Join(c.dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return manifest, nil // checkPrefixes allowed it
	}
	if err != nil {
		return manifest, fmt.Errorf("read %s: %w", manifestName, err)
	}
	defer func() { _ = f.Close() }() // only read
	err = guard(func() (err error) {
		manifest, _, err = badger.ReplayManifestFile(f, c.options.ExternalMagicVersion, c.options)
		return err
	})
	if err != nil {
		return manifest, damaged("%s cannot be read", manifestName)
	}
	return manifest, nil
}

// checkTable holds a table against the seal.
func (c *fileCheck) checkTable(id uint64, want fileSum) error {
	crc, size, err := sumFile(table.NewFilename(id, c.dir), want.size)
	switch {
	case err != nil:
		return fmt.Errorf("read table %d: %w", id, err)
	case size != want.size || crc != want.crc:
		return damaged("table %d was changed", id)
	}
	return nil
}

// checkFile sorts out the files that no other file names.
func (c *fileCheck) checkFile(name string, registry *badger.KeyRegistry) error {
	switch {
	case name == discardName, strings.HasSuffix(name, valueSuffix):
		c.litter = append(c.litter, name)
		return nil
	case !strings.HasSuffix(name, logSuffix):
		return nil
	}
	end, err := scanLog(filepath.Join(c.dir, name), registry, len(c.options.EncryptionKey) > 0)
	switch {
	case err != nil:
		return err
	case end > logHeader && c.sealed.clean:
		return damaged("log %s came from elsewhere", name)
	case end <= logHeader:
		c.litter = append(c.litter, name) // begun but never written, or already in a table
	default:
		c.logs[name] = end
	}
	return nil
}

// sumFile returns the CRC-32C of the first n bytes of a file, or of all where there are fewer,
// and its size.
func sumFile(path string, n uint64) (crc uint32, size uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	h := crc32.New(castagnoli())
	_, err = io.Copy(h, io.LimitReader(f, int64(n)))
	return h.Sum32(), uint64(info.Size()), err
}

// sumAll returns the sum of a whole file.
func sumAll(path string) (fileSum, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileSum{}, err
	}
	size := uint64(info.Size())
	crc, _, err := sumFile(path, size)
	return fileSum{size, crc}, err
}

// readBounded reads a file that has at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, damaged("a file has %d bytes, more than it can have", info.Size())
	}
	return os.ReadFile(path)
}
