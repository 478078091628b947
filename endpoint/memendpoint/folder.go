package memendpoint

import (
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// folder is a folder of a Server, under whose lock it is.
type folder struct {
	id         string // never used again, and kept when the folder is renamed
	path       []string
	role       endpoint.Role
	kinds      []endpoint.Kind // empty means any
	subscribed bool
	readOnly   bool
	validity   uint64
	next       uint64  // the reference of the next item
	changes    uint64  // items that came or went so far
	gone       uint64  // items that went so far
	updates    uint64  // changes of the content of items so far
	flagged    uint64  // changes of the flags of items so far
	items      []*item // by reference
}

// CreateFolder makes a folder, and its parents where they are missing. It fails with Exists.
func (s *Server) CreateFolder(path ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !validPath(path) {
		return endpoint.Errorf(endpoint.Invalid, "a component of the path is empty")
	}
	if f, _ := s.find(path); f != nil {
		return endpoint.Errorf(endpoint.Exists, "create it under another name")
	}
	s.create(path)
	return nil
}

// RenameFolder moves a folder, with the folders below it, to another path. Items keep their
// references. It fails with Exists if to exists, with Denied for INBOX, and with Invalid if to lies
// below from.
func (s *Server) RenameFolder(from, to []string) error {
	return s.in(from, func(f *folder) error {
		switch {
		case f.isInbox():
			return endpoint.Errorf(endpoint.Denied, "INBOX stays where it is")
		case !validPath(to) || below(to, from) && len(to) > len(from):
			return endpoint.Errorf(endpoint.Invalid, "the new path is empty or below the old one")
		}
		if other, _ := s.find(to); other != nil {
			return endpoint.Errorf(endpoint.Exists, "rename it to another path")
		}
		s.create(to[:len(to)-1])
		for _, g := range s.folders {
			if below(g.path, from) {
				g.path = slices.Concat(to, g.path[len(from):])
			}
		}
		return nil
	})
}

// DeleteFolder deletes a folder with its items and the folders below it. It fails with Denied for
// INBOX.
func (s *Server) DeleteFolder(path ...string) error {
	return s.in(path, s.remove)
}

// SetRole gives a folder a role.
func (s *Server) SetRole(role endpoint.Role, path ...string) error {
	return s.in(path, func(f *folder) error { f.role = role; return nil })
}

// SetSubscribed shows or hides a folder in the user's programs.
func (s *Server) SetSubscribed(subscribed bool, path ...string) error {
	return s.in(path, func(f *folder) error { f.subscribed = subscribed; return nil })
}

// SetReadOnly makes every write of a session into a folder fail with Denied, or allows it again.
func (s *Server) SetReadOnly(readOnly bool, path ...string) error {
	return s.in(path, func(f *folder) error { f.readOnly = readOnly; return nil })
}

// ChangeValidity gives a folder another Validity and each of its items another Ref, so that every
// earlier Ref is void or, worse, names another item. Content and order stay.
func (s *Server) ChangeValidity(path ...string) error {
	return s.in(path, func(f *folder) error {
		first := uint64(1)
		for f.keepsRef(first) {
			first++
		}
		for i, it := range f.items {
			it.ref = first + uint64(i)
		}
		f.next = first + uint64(len(f.items))
		f.validity = s.number()
		return nil
	})
}

// keepsRef reports whether an item would keep its reference if they were numbered from first.
func (f *folder) keepsRef(first uint64) bool {
	for i, it := range f.items {
		if it.ref == first+uint64(i) {
			return true
		}
	}
	return false
}

// FolderPaths returns the path of every folder, sorted, parents before children.
func (s *Server) FolderPaths() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := make([][]string, 0, len(s.folders))
	for _, f := range s.sorted() {
		paths = append(paths, slices.Clone(f.path))
	}
	return paths
}

// Subscribed reports whether a folder exists and is shown in the user's programs.
func (s *Server) Subscribed(path ...string) bool {
	subscribed := false
	err := s.in(path, func(f *folder) error { subscribed = f.subscribed; return nil })
	return err == nil && subscribed
}

// find returns the folder with a path, or an error with code NotFound.
func (s *Server) find(path []string) (*folder, error) {
	for _, f := range s.folders {
		if slices.Equal(f.path, path) {
			return f, nil
		}
	}
	return nil, endpoint.Errorf(endpoint.NotFound, "no such folder; list the folders anew")
}

// resolve returns the folder that a session means by f: NotFound if it is gone, Stale if its
// references are void.
func (s *Server) resolve(f endpoint.Folder) (*folder, error) {
	for _, g := range s.folders {
		if g.id != f.ID {
			continue
		}
		if decimal(g.validity) != f.Validity {
			return nil, endpoint.Errorf(endpoint.Stale, "list the folders anew")
		}
		return g, nil
	}
	return nil, endpoint.Errorf(endpoint.NotFound, "no such folder; list the folders anew")
}

// create returns the folder with a path, making it and its parents where they are missing. An
// empty path makes nothing.
func (s *Server) create(path []string) *folder {
	var f *folder
	for depth := 1; depth <= len(path); depth++ {
		if f, _ = s.find(path[:depth]); f != nil {
			continue
		}
		n := s.number()
		f = &folder{id: "f" + decimal(n), path: slices.Clone(path[:depth]), validity: n, next: 1}
		s.folders = append(s.folders, f)
	}
	return f
}

// remove deletes f and all that is below it.
func (s *Server) remove(f *folder) error {
	if f.isInbox() {
		return endpoint.Errorf(endpoint.Denied, "INBOX cannot be deleted")
	}
	s.folders = slices.DeleteFunc(s.folders, func(g *folder) bool {
		if !below(g.path, f.path) {
			return false
		}
		for _, it := range g.items {
			s.used -= int64(len(it.body))
		}
		return true
	})
	return nil
}

// sorted returns the folders by path, which puts parents before children.
func (s *Server) sorted() []*folder {
	return slices.SortedFunc(slices.Values(s.folders), func(a, b *folder) int { return slices.Compare(a.path, b.path) })
}

func (f *folder) isInbox() bool { return len(f.path) == 1 && f.path[0] == inbox }

// holds reports whether the folder may hold items of a kind.
func (f *folder) holds(k endpoint.Kind) bool {
	return len(f.kinds) == 0 || slices.Contains(f.kinds, k)
}

// visible returns the items that show at a time and changed since a position.
func (f *folder) visible(now time.Time, since position) []*item {
	var list []*item
	for _, it := range f.items {
		if !it.shows.After(now) && since.before(it) {
			list = append(list, it)
		}
	}
	return list
}

func validPath(path []string) bool { return len(path) > 0 && !slices.Contains(path, "") }

// below reports whether path is root or lies below it.
func below(path, root []string) bool {
	return len(path) >= len(root) && slices.Equal(path[:len(root)], root)
}
