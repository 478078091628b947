package endpointtest

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func folderClauses() []clause {
	return []clause{
		{"E01", "CapabilitiesAreConstant", "Info and Capabilities are equal at every call of every session", testCapabilities},
		{"E02", "FolderTree", "Folders yields each folder once, parents first, INBOX among them, IDs and paths unique", testFolderTree},
		{"E03", "HostileNames", "a path that CreateFolder was given is the path that every session lists", testHostileNames},
		{"E04", "SameFolderSameID", "a folder has one ID and one Validity in all sessions", testSameFolder},
		{"E04", "RenamedFolder", "a folder that was renamed keeps its ID, or its old one is NotFound", testRenamedFolder},
		{"E05", "CreateFolder", "CreateFolder needs no parents, and returns the folder as Folders would", testCreateFolder},
		{"E05", "CreateExistingFolder", "CreateFolder returns a folder that exists, and changes nothing", testCreateExisting},
	}
}

func testCapabilities(s *scene) {
	other := s.open()
	for range 2 {
		for _, box := range []*endpoint.Mailbox{s.box, other} {
			caps, err := box.Driver().Capabilities(s.Context())
			if err != nil {
				s.Fatal(err)
			}
			caps.Concurrency = max(caps.Concurrency, 1)
			if !reflect.DeepEqual(caps, s.caps) {
				s.Errorf("capabilities are %+v, and were %+v", caps, s.caps)
			}
			if box.Info() != s.box.Info() || box.Info().Driver == "" {
				s.Errorf("one session has the type %q and driver %q, another %q and %q",
					box.Info().Type, box.Info().Driver, s.box.Info().Type, s.box.Info().Driver)
			}
		}
	}
}

// makeTree has the other client make some folders.
func (s *scene) makeTree() [][]string {
	s.Helper()
	paths := [][]string{{"Work"}, {"Work", "2025"}, {"Work", "2025", "Deep"}, {"Work", "2026"}, {"Private"}}
	for _, path := range paths {
		s.fixture.CreateFolder(path...)
	}
	return paths
}

func testFolderTree(s *scene) {
	want := append(s.makeTree(), inbox())
	seen, ids := map[string]bool{}, map[string]bool{}
	for _, f := range all(s, s.box.Folders(s.Context())) {
		name := fmt.Sprintf("%q", f.Path)
		if seen[name] || ids[f.ID] {
			s.Errorf("folder %s, or its ID, is listed twice", name)
		}
		seen[name], ids[f.ID] = true, true
		// Every folder that the case made has a parent that is a folder, too. A root of a kind need not be one.
		parent := f.Path[:len(f.Path)-1]
		isRoot := slices.ContainsFunc(f.Kinds, func(k endpoint.Kind) bool { return slices.Equal(parent, s.caps.Roots[k]) })
		if len(parent) > 0 && !isRoot && !seen[fmt.Sprintf("%q", parent)] {
			s.Errorf("folder %s is listed before its parent", name)
		}
		if slices.Equal(f.Path, inbox()) && f.Role != endpoint.Inbox {
			s.Errorf("INBOX has the role %q", f.Role)
		}
		if f.Items > 0 {
			s.Errorf("folder %s has %d items, want none", name, f.Items)
		}
	}
	for _, path := range want {
		if !seen[fmt.Sprintf("%q", path)] {
			s.Errorf("folder %q is not listed", path)
		}
	}
}

func testHostileNames(s *scene) {
	if !s.caps.CreateFolder {
		s.Skip("Capabilities.CreateFolder is false")
	}
	before := len(s.paths())
	made := map[string]endpoint.Folder{} // by path
	ids := map[string]string{}
	create := func(path ...string) {
		f, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: path})
		name := fmt.Sprintf("%q", path)
		switch {
		case err != nil:
			s.Errorf("create %s: %v", name, err)
		case !slices.Equal(f.Path, path):
			s.Errorf("was given %s, created %q", name, f.Path)
		case ids[f.ID] != "" && ids[f.ID] != name:
			s.Errorf("%s and %s are one folder", name, ids[f.ID])
		default:
			made[name], ids[f.ID] = f, name
		}
	}
	for _, name := range HostileNames() {
		create(name)
		create("Hostile", name)
	}
	create("Hostile", "..", "..", "etc")
	create("Hostile", "a/b", "c.d")
	s.wantListed(made)
	// Three parents are made besides, and INBOX was there.
	if got, most := len(s.paths())-before, len(made)+3; got > most {
		s.Errorf("%d folders came to be, want at most %d", got, most)
	}
}

// wantListed checks that another session lists folders under the paths and IDs that they have here.
func (s *scene) wantListed(made map[string]endpoint.Folder) {
	s.Helper()
	listed := map[string]string{}
	for _, f := range all(s, s.open().Folders(s.Context())) {
		listed[fmt.Sprintf("%q", f.Path)] = f.ID
	}
	for name, f := range made {
		if listed[name] != f.ID {
			s.Errorf("folder %s was made under ID %q, another session lists it under %q", name, f.ID, listed[name])
		}
	}
}

func testSameFolder(s *scene) {
	paths := append(s.makeTree(), inbox())
	s.deliver(work(), 0, 2)
	other := s.open()
	for _, path := range paths {
		a, b := s.folder(s.box, path), s.folder(other, path)
		if a.ID != b.ID || a.Validity != b.Validity || a.State != b.State || a.Items != b.Items {
			s.Errorf("folder %q is %+v in one session and %+v in another", path, a, b)
		}
	}
	s.deliver(work(), 2, 1) // what comes and goes has no part in either
	before, after := s.folder(other, work()), s.folder(s.box, work())
	if before.ID != after.ID || before.Validity != after.Validity {
		s.Errorf("folder was %+v and is %+v", before, after)
	}
}

func testRenamedFolder(s *scene) {
	old := s.workFolder()
	s.deliver(work(), 0, 2)
	want := all(s, s.box.Refs(s.Context(), old))
	to := []string{"Renamed"}
	if !s.fixture.Rename(work(), to) {
		s.Skip("the fixture cannot rename a folder")
	}
	if _, there := s.find(s.box, work()); there {
		s.Error("the old path is still listed")
	}
	renamed := s.folder(s.box, to)
	if got := all(s, s.box.Refs(s.Context(), renamed)); len(got) != 2 {
		s.Errorf("the renamed folder has items %q, want two", got)
	}
	if renamed.ID == old.ID {
		if got := all(s, s.box.Refs(s.Context(), old)); !slices.Equal(got, want) {
			s.Errorf("under the ID that it kept, the folder has items %q, want %q", got, want)
		}
		return
	}
	_, err := collect(s, s.box.Refs(s.Context(), old))
	s.wantCode("Refs of the old ID", err, endpoint.NotFound)
}

func testCreateFolder(s *scene) {
	if !s.caps.CreateFolder {
		s.Skip("Capabilities.CreateFolder is false")
	}
	path := []string{"Made", "Below", "Deep"}
	made, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: path})
	if err != nil {
		s.Fatal(err)
	}
	other := s.open()
	listed := s.folder(other, path)
	if made.ID != listed.ID || made.Validity != listed.Validity || made.State != listed.State || !slices.Equal(made.Path, path) {
		s.Errorf("CreateFolder returned %+v, Folders lists %+v", made, listed)
	}
	if _, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: path[:2]}); err != nil {
		s.Errorf("create the parent of a folder: %v", err)
	}
	s.folder(other, path[:2])
	if got := all(s, other.Refs(s.Context(), made)); len(got) != 0 {
		s.Errorf("a new folder has items %q", got)
	}
}

func testCreateExisting(s *scene) {
	if !s.caps.CreateFolder {
		s.Skip("Capabilities.CreateFolder is false")
	}
	f := s.workFolder()
	s.deliver(work(), 0, 2)
	want := all(s, s.box.Refs(s.Context(), f))
	folders := s.paths()
	for _, path := range [][]string{work(), inbox()} {
		again, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: path})
		if err != nil {
			s.Fatalf("create %q: %v", path, err)
		}
		listed := s.folder(s.box, path)
		if again.ID != listed.ID || again.Validity != listed.Validity || again.Items != listed.Items {
			s.Errorf("CreateFolder returned %+v, Folders lists %+v", again, listed)
		}
		if n := len(all(s, s.box.Refs(s.Context(), listed))); listed.Items >= 0 && listed.Items != n {
			s.Errorf("Folders tells of %d items in %q, which has %d", listed.Items, path, n)
		}
	}
	if got := all(s, s.box.Refs(s.Context(), f)); !slices.Equal(got, want) {
		s.Errorf("the folder has items %q, had %q", got, want)
	}
	if got := s.paths(); !slices.Equal(got, folders) {
		s.Errorf("folders are %s, were %s", got, folders)
	}
}
