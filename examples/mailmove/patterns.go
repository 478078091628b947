package main

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// pattern matches paths of folders. The zero value is not one; see parsePattern.
type pattern struct {
	text       string
	components []string
	used       atomic.Bool // has matched a folder
}

var errPattern = errors.New("give the path of a folder, such as Projects/2024: no / at its beginning or " +
	"end, no two in a row, and ** only as a whole component")

// parsePattern reads a pattern: components joined by slashes, * for any characters of a component,
// ** for any number of components. Letters count as they are written.
func parsePattern(text string) (*pattern, error) {
	p := &pattern{text: text, components: strings.Split(text, "/")}
	for _, c := range p.components {
		if c == "" || c != "**" && strings.Contains(c, "**") {
			return nil, errPattern
		}
	}
	return p, nil
}

// matches reports whether the pattern names the folder with the given path or one above it.
func (p *pattern) matches(path []string) bool {
	for end := len(path); end > 0; end-- {
		if matchPath(p.components, path[:end]) {
			p.used.Store(true)
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

// selection says which folders are meant: those that are included, or all if nothing is, without
// those that are excluded.
type selection struct{ include, exclude []*pattern }

func (s selection) empty() bool { return len(s.include) == 0 && len(s.exclude) == 0 }

func (s selection) selects(path []string) bool {
	// Every pattern looks at every folder, so that unused tells the truth.
	included, excluded := anyMatches(s.include, path), anyMatches(s.exclude, path)
	return (included || len(s.include) == 0) && !excluded
}

func anyMatches(patterns []*pattern, path []string) bool {
	found := false
	for _, p := range patterns {
		found = p.matches(path) || found
	}
	return found
}

// unused returns a warning for each pattern that has matched no folder so far.
func (s selection) unused() []string {
	var warnings []string
	note := func(flag string, patterns []*pattern) {
		for _, p := range patterns {
			if !p.used.Load() {
				warnings = append(warnings, fmt.Sprintf("%s %q matches no folder", flag, p.text))
			}
		}
	}
	note("-include", s.include)
	note("-exclude", s.exclude)
	return warnings
}
