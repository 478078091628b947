package badgerstore

import "github.com/dgraph-io/badger/v4"

// Badger gives nothing back while it is open: each table that was ever touched stays in the
// process's memory, for it is mapped, and so does the room in which the largest tables were built.
// So the memory of a process would follow the size of the ledger. Badger is therefore closed and
// opened again after so much work, at a moment at which nobody uses it.

const (
	// renewAfter is how many bytes are written between two renewals at least: the room to build a table of
	// so many in is the power of two above twice as many.
	renewAfter = 3 << 20
	// renewShare is how many bytes are written for each of Badger's files at least, for each of them is
	// opened again.
	renewShare = 12 << 10
	// readShare is how many bytes that are read weigh as much as one that is written, and so are those of
	// tables that Badger made of others.
	readShare = 8
)

// written notes what a commit wrote, and renews Badger if it is time.
func (s *Store) written(writes []write) {
	bytes := 0
	for _, w := range writes {
		bytes += len(w.key) + len(w.value)
	}
	s.renew(s.work.Add(int64(bytes)))
}

// read notes what a snapshot read, and renews Badger if it is time.
func (s *Store) read(bytes int) { s.renew(s.work.Add(int64(bytes / readShare))) }

// renew closes Badger and opens it again, unless somebody reads. A kill in between leaves what a
// kill at any other time does. Where Badger does not open again, the store fails from then on.
func (s *Store) renew(work int64) {
	if !s.due(work) {
		return
	}
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed || s.failed != nil || len(s.snapshots) > 0 || !s.due(s.work.Load()) {
		return
	}
	s.work.Store(0)
	options := s.db.Opts()
	if s.failed = s.closeBadger(); s.failed == nil {
		s.failed = s.openAgain(options)
	}
}

// due reports whether so much work is enough for a renewal.
func (s *Store) due(work int64) bool {
	return work >= max(s.renewAfter, s.numFiles.Load()*s.renewShare)
}

func (s *Store) openAgain(options badger.Options) error {
	return guard(func() (err error) {
		s.db, err = badger.Open(options)
		return err
	})
}
