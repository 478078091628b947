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
func (d *driver) namespace(ctx context.Context, s *session) (ns namespace, err error) {
	if known := d.knownNamespace(); known != nil {
		return *known, nil
	}
	err = s.guard(ctx, func() error {
		ns, err = d.awaitNamespace(s, s.sendNamespace())
		return err
	})
	return ns, err
}

func (d *driver) knownNamespace() *namespace {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.spaces
}

// sendNamespace asks for the namespace, or for the separator alone, as RFC 9051 section 6.3.9 has it: an
// empty name is no folder.
func (s *session) sendNamespace() (tag string) {
	if s.has("NAMESPACE") {
		return s.wire.send("NAMESPACE", "")
	}
	return s.wire.send("LIST", `"" ""`)
}

// awaitNamespace reads the answer, and keeps it.
func (d *driver) awaitNamespace(s *session, tag string) (ns namespace, err error) {
	answer := namespaceAnswer{namespaces: s.has("NAMESPACE")}
	st, err := s.wire.await(tag, answers{untagged: answer.untagged})
	if err == nil && st.kind != "OK" {
		err = st.err()
	}
	if err == nil {
		err = answer.err
	}
	if err != nil {
		return namespace{}, err
	}
	ns = namespace{names: newNames("", answer.separator), personal: []string{""}}
	if answer.namespaces {
		ns = newNamespace(answer.values)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spaces = &ns
	return ns, nil
}

// namespaceAnswer is what comes for NAMESPACE or, where the server has none, for LIST of nothing.
type namespaceAnswer struct {
	namespaces bool // which of the two
	values     []value
	separator  string
	err        error
}

func (a *namespaceAnswer) untagged(line []byte) {
	kind, rest := cutResponse(line)
	switch {
	case a.namespaces && kind == "NAMESPACE":
		a.values, a.err = parseValues(rest)
	case !a.namespaces && kind == "LIST":
		values, err := parseValues(rest)
		if err != nil || len(values) < 2 {
			a.err = errResponse()
		} else if !values[1].isNil() {
			a.separator = values[1].word
		}
	}
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
