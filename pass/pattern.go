package pass

import (
	"errors"
	"slices"
	"strings"
)

// Pattern names folders by their path: components joined by slashes, whatever the server joins them
// with; * for any characters of one component, ** for any number of components. Letters count as
// they are written. A pattern names also what is below the folders that it names.
type Pattern string

// Validate says what is wrong with a pattern.
func (p Pattern) Validate() error {
	for c := range strings.SplitSeq(string(p), "/") {
		if c == "" || c != "**" && strings.Contains(c, "**") {
			return errors.New("give the path of a folder, such as Projects/2024: no / at its beginning or " +
				"end, no two in a row, and ** only as a whole component")
		}
	}
	return nil
}

// Matches reports whether the pattern names the folder with the given path or one above it.
func (p Pattern) Matches(path []string) bool {
	components := strings.Split(string(p), "/")
	for end := len(path); end > 0; end-- {
		if matchPath(components, path[:end]) {
			return true
		}
	}
	return false
}

func matchPath(components, path []string) bool {
	switch {
	case len(components) == 0:
		return len(path) == 0
	case components[0] == "**":
		return matchPath(components[1:], path) || len(path) > 0 && matchPath(components, path[1:])
	}
	return len(path) > 0 && matchComponent(components[0], path[0]) && matchPath(components[1:], path[1:])
}

// matchComponent matches greedily from both ends: what stands before the first star, after the
// last one, and the rest between, each at its first place.
func matchComponent(glob, name string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func anyMatches(patterns []Pattern, path []string) bool {
	return slices.ContainsFunc(patterns, func(p Pattern) bool { return p.Matches(path) })
}
