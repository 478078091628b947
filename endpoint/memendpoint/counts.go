package memendpoint

// Counts are what all sessions of a Server did since it was made. What its user did is not counted.
type Counts struct {
	// Calls are calls of methods that take a context, also of those that failed.
	Calls int
	// FoldersListed, StatesTold, Lists, Outlines, RefLists and MarkScans are calls of Folders, State,
	// List, Outline, Refs and Marks, without those that were throttled.
	FoldersListed, StatesTold, Lists, Outlines, RefLists, MarkScans int
	// Reads are bodies handed out, Puts items that are there, whatever became of the answer.
	Reads, Puts int
	// Deleted are items that sessions took out of their folder, FlagsSet those whose flags they were
	// told to change.
	Deleted, FlagsSet int
	// FoldersCreated does not count those that existed, but counts parents.
	FoldersCreated, FoldersDeleted, Subscribed int
}

// Counts returns what all sessions did so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

func (s *Server) count(add func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counts)
}
