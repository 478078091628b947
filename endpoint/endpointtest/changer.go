package endpointtest

import (
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Changer is what the other client of a [Fixture] may also do. A Fixture that is no Changer leaves
// out the cases that need one.
type Changer interface {
	// SetFlags replaces the flags of an item.
	SetFlags(path []string, ref string, flags ...endpoint.Flag)
	// Update replaces the content of an item in its place. It returns false where that cannot be.
	Update(path []string, ref string, body []byte) bool
	// CreateTrash makes a folder with role Trash, and returns false where that cannot be. A Fixture
	// without it is asked for a folder named Trash.
	CreateTrash() bool
}

// Expirer is a [Fixture] whose server forgets states. A Fixture that is none leaves out the case that
// needs one.
type Expirer interface {
	// ExpireStates makes every State that was told expire, and returns false where that cannot be.
	ExpireStates() bool
}

// trash returns the folder with role Trash, if there is one.
func (s *scene) trash() (endpoint.Folder, bool) {
	s.Helper()
	folders := all(s, s.box.Folders(s.Context()))
	i := slices.IndexFunc(folders, func(f endpoint.Folder) bool { return f.Role == endpoint.Trash })
	if i < 0 {
		return endpoint.Folder{}, false
	}
	return folders[i], true
}

// makeTrash returns the folder with role Trash, and skips the case where there cannot be one.
func (s *scene) makeTrash() endpoint.Folder {
	s.Helper()
	if f, there := s.trash(); there {
		return f
	}
	if changer, ok := s.fixture.(Changer); !ok {
		s.fixture.CreateFolder("Trash")
	} else if !changer.CreateTrash() {
		s.Skip("the fixture cannot make a folder with role Trash")
	}
	f, there := s.trash()
	if !there {
		s.Skip("the driver gives the role Trash to no folder")
	}
	return f
}
