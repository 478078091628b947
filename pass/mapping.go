package pass

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// route is where the items of a folder of the source go.
type route struct {
	source endpoint.Folder
	path   []string // at the destination
	// found is the folder at the destination, or nil if there is none yet.
	found *endpoint.Folder
}

// roots are where each side keeps the folders of kinds that have a place of their own.
type roots struct{ from, to map[endpoint.Kind][]string }

func rootsOf(from, to endpoint.Capabilities) roots { return roots{from.Roots, to.Roots} }

// transplant returns the path that a folder has at the destination when nothing else decides: beneath the root of its kind there
// instead of that at the source.
func (r roots) transplant(f endpoint.Folder) []string {
	path, kind := f.Path, endpoint.Mail
	if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, endpoint.Mail) {
		kind = f.Kinds[0]
	}
	if root := r.from[kind]; len(path) > len(root) && slices.Equal(path[:len(root)], root) {
		path = path[len(root):]
	}
	if root := r.to[kind]; len(path) <= len(root) || !slices.Equal(path[:len(root)], root) {
		path = slices.Concat(root, path)
	}
	return path
}

// routes maps the folders of the source, in their order: first by role, then by path, then by the
// caller's function. It fails with ErrCollision if two of them would become one.
func routes(source, destination []endpoint.Folder, r roots, o Options) ([]route, error) {
	byRole := map[endpoint.Role][]string{}
	byName := map[string]*endpoint.Folder{}
	for i, f := range destination {
		if _, taken := byRole[f.Role]; f.Role != endpoint.NoRole && !taken {
			byRole[f.Role] = f.Path
		}
		byName[store.FolderKey(f.Path)] = &destination[i]
	}
	for _, f := range source {
		// A folder of the source that has the very path of a role's folder keeps it: the two would
		// become one otherwise.
		if path, ok := byRole[f.Role]; !ok || !slices.Equal(path, f.Path) {
			maps.DeleteFunc(byRole, func(_ endpoint.Role, path []string) bool { return slices.Equal(path, f.Path) })
		}
	}
	var all []route
	moved := map[string][]string{} // source folders that go elsewhere than to their own path
	takenBy := map[string]string{}
	for _, f := range source {
		path := proposal(f, byRole, moved, r)
		if o.MapFolder != nil {
			path = o.MapFolder(f, slices.Clone(path))
		}
		if len(path) == 0 || slices.Contains(path, "") {
			return nil, fmt.Errorf("%w: MapFolder returned a path with an empty component for %s", ErrInvalid, display(f.Path))
		}
		name := store.FolderKey(path)
		if other, taken := takenBy[name]; taken {
			return nil, fmt.Errorf("%w: %s and %s at the source both go to %s; leave one out, or map one elsewhere",
				ErrCollision, other, display(f.Path), display(path))
		}
		takenBy[name] = display(f.Path)
		if !slices.Equal(path, f.Path) {
			moved[store.FolderKey(f.Path)] = path
		}
		all = append(all, route{source: f, path: path, found: byName[name]})
	}
	return all, nil
}

// proposal is where a folder goes by itself: to the folder with its role, else beneath the folder
// to which its parent goes, else to the same path, as far as the destination has it.
func proposal(f endpoint.Folder, byRole map[endpoint.Role][]string, moved map[string][]string, r roots) []string {
	if path, ok := byRole[f.Role]; ok {
		return path
	}
	parent := f.Path[:len(f.Path)-1]
	if path, ok := moved[store.FolderKey(parent)]; ok && len(parent) > 0 {
		return append(slices.Clone(path), f.Path[len(parent)])
	}
	return r.transplant(f)
}

// display joins a path for people. It is not reversible.
func display(path []string) string { return strings.Join(path, "/") }
