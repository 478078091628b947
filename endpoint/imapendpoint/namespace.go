package imapendpoint

import (
	"context"
	"slices"
	"strings"
)

// namespace is where the user's own folders are (RFC 2342).
type namespace struct {
	names    names    // of the first personal namespace
	personal []string // prefixes of all personal namespaces
	others   []string // prefixes, none empty, of those of other users and of shared ones
}

// namespace returns the namespace of the account, which is asked for once.
func (d *driver) namespace(ctx context.Context, s *session) (namespace, error) {
	d.mu.Lock()
	known := d.spaces
	d.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	ns, err := askNamespace(ctx, s)
	if err != nil {
		return namespace{}, err
	}
	d.mu.Lock()
	d.spaces = &ns
	d.mu.Unlock()
	return ns, nil
}

func askNamespace(ctx context.Context, s *session) (namespace, error) {
	if !s.has("NAMESPACE") {
		separator, err := askSeparator(ctx, s)
		return namespace{names: newNames("", separator), personal: []string{""}}, err
	}
	var answer []value
	var parse error
	err := s.command(ctx, "NAMESPACE", func(line []byte) {
		if kind, rest := cutResponse(line); kind == "NAMESPACE" {
			answer, parse = parseValues(rest)
		}
	})
	if err == nil {
		err = parse
	}
	if err != nil {
		return namespace{}, err
	}
	return newNamespace(answer), nil
}

// newNamespace reads personal, other users' and shared namespaces: each NIL or a list of lists of
// prefix and separator. A server without a personal namespace has its folders at the top.
func newNamespace(answer []value) namespace {
	ns := namespace{names: newNames("", "")}
	for i, class := range answer {
		for _, space := range class.list {
			if len(space.list) < 2 {
				continue
			}
			prefix, separator := space.list[0].word, space.list[1].word
			switch {
			case i == 0 && len(ns.personal) == 0:
				ns.names = newNames(prefix, separator)
				ns.personal = []string{prefix}
			case i == 0:
				ns.personal = append(ns.personal, prefix)
			case prefix != "":
				ns.others = append(ns.others, prefix)
			}
		}
	}
	if len(ns.personal) == 0 {
		ns.personal = []string{""}
	}
	return ns
}

// askSeparator asks as RFC 9051 section 6.3.9 has it: an empty name is no folder.
func askSeparator(ctx context.Context, s *session) (string, error) {
	var separator string
	var parse error
	err := s.command(ctx, `LIST "" ""`, func(line []byte) {
		kind, rest := cutResponse(line)
		if kind != "LIST" {
			return
		}
		values, err := parseValues(rest)
		if err != nil || len(values) < 2 {
			parse = errResponse()
		} else if !values[1].isNil() {
			separator = values[1].word
		}
	})
	if err == nil {
		err = parse
	}
	return separator, err
}

// patterns are what LIST is asked for: all personal namespaces, and INBOX where none holds it.
func (ns namespace) patterns() []string {
	var out []string
	if !slices.Contains(ns.personal, "") {
		out = append(out, inbox)
	}
	for _, prefix := range ns.personal {
		out = append(out, prefix+"*")
	}
	return out
}

// foreign reports whether a folder is somebody else's or shared.
func (ns namespace) foreign(wire string) bool {
	within := func(prefix string) bool { return prefix != "" && strings.HasPrefix(wire, prefix) }
	return slices.ContainsFunc(ns.others, within) && !slices.ContainsFunc(ns.personal, within)
}
