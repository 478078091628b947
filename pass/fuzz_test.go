package pass

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// FuzzRoutes maps any folders to any others: each gets a path, no two the same one.
func FuzzRoutes(f *testing.F) {
	f.Add("INBOX@inbox\nSent@sent\nSent/2024\nSent Items", "INBOX@inbox\nSent Items@sent")
	f.Add("a\na/b\nA", "a/b@junk\nA")
	f.Fuzz(func(t *testing.T, source, destination string) {
		from, to := foldersOf(source), foldersOf(destination)
		ways, err := routes(from, to, roots{}, Options{})
		if err != nil {
			if !errors.Is(err, ErrCollision) {
				t.Fatal(err)
			}
			return
		}
		taken := map[string]bool{}
		for i, way := range ways {
			name := store.FolderKey(way.path)
			if taken[name] || len(way.path) == 0 || slices.Contains(way.path, "") {
				t.Errorf("%q goes to %q", from[i].Path, way.path)
			}
			taken[name] = true
			if way.found != nil && !slices.Equal(way.found.Path, way.path) {
				t.Errorf("%q is not %q", way.found.Path, way.path)
			}
		}
		if len(ways) != len(from) {
			t.Errorf("%d folders, %d ways", len(from), len(ways))
		}
	})
}

// foldersOf reads folders, one a line: a path and, behind @, a role. Doubles are left out.
func foldersOf(text string) []endpoint.Folder {
	var all []endpoint.Folder
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		path, role, _ := strings.Cut(strings.TrimSpace(line), "@")
		parts := slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
		name := store.FolderKey(parts)
		if len(parts) == 0 || seen[name] {
			continue
		}
		seen[name] = true
		all = append(all, endpoint.Folder{ID: name, Path: parts, Role: endpoint.Role(role)})
	}
	return all
}

// FuzzReport writes and reads reports with hostile names: nothing is lost, and nothing breaks out.
func FuzzReport(f *testing.F) {
	f.Add("a folder", "\x1b[31m", 3)
	f.Fuzz(func(t *testing.T, folder, reason string, n int) {
		folder, reason = strings.ToValidUTF8(folder, "?"), strings.ToValidUTF8(reason, "?")
		c := Counts{Listed: n, Migrated: n, Bytes: int64(n)}
		r := Report{Folders: []FolderReport{{Folder: folder, Counts: c}}, Totals: c, Failures: []Failure{{Folder: folder, Reason: reason}}}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again Report
		if err := json.Unmarshal(text, &again); err != nil || again.Folders[0] != r.Folders[0] || again.Failures[0] != r.Failures[0] {
			t.Errorf("%v: %s", err, text)
		}
		if strings.ContainsAny(string(text), "\x1b\n") || !r.Closes() {
			t.Errorf("report %q, closes %v", text, r.Closes())
		}
	})
}
