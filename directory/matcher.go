package directory

import (
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// matcher is one Match while it runs.
type matcher struct {
	source, destination index
	options             Options
	decisions           map[int]decision // by account of the source
	problems            []Problem
}

// decision is what is to become of one account of the source.
type decision struct {
	by   Evidence
	to   int // an account of the destination, or one of these:
	line int // of the list
}

const (
	leftOut   = -1
	undecided = -2 // because of a problem
)

func newMatcher(source, destination []endpoint.Account, o Options) *matcher {
	m := &matcher{source: newIndex(source), destination: newIndex(destination), options: o, decisions: map[int]decision{}}
	for _, side := range []struct {
		name     string
		accounts []endpoint.Account
	}{{"source", source}, {"destination", destination}} {
		for i, a := range side.accounts {
			if a.Address == "" {
				m.problem(Problem{Reason: fmt.Sprintf("account %d of the %s has no address", i, side.name)})
			}
		}
	}
	return m
}

func (m *matcher) problem(p Problem) { m.problems = append(m.problems, p) }

// readList decides what the list decides.
func (m *matcher) readList(list []Entry) {
	for _, e := range list {
		wrong := func(format string, args ...any) {
			m.problem(Problem{e.Line, fmt.Sprintf(format, args...), []string{e.Source}, []string{e.Destination}})
		}
		accounts := m.source.find(e.Source)
		if len(accounts) != 1 {
			wrong("%d accounts of the source have the first address, not one", len(accounts))
			continue
		}
		s := accounts[0]
		if before, twice := m.decisions[s]; twice {
			wrong("the account of the source is in line %d, too; leave out one", before.line)
			continue
		}
		d := decision{by: ByList, to: leftOut, line: e.Line}
		if e.Destination != "" {
			if accounts = m.destination.find(e.Destination); len(accounts) == 1 {
				d.to = accounts[0]
			} else {
				d.to = undecided
				wrong("%d accounts of the destination have the second address, not one", len(accounts))
			}
		}
		m.decisions[s] = d
	}
}

// match decides about an account that is not in the list: by the best evidence that there is.
func (m *matcher) match(s int) {
	if _, listed := m.decisions[s]; listed {
		return
	}
	a := m.source.accounts[s]
	for _, by := range []Evidence{ByRule, ByAddress, ByDisplayName} {
		fitting := m.fitting(a, by)
		if len(fitting) == 0 {
			continue
		}
		d := decision{by: by, to: fitting[0]}
		if reason := m.ambiguity(a, by, len(fitting)); reason != "" {
			d.to = undecided
			m.problem(Problem{Reason: reason, Source: []string{a.Address}, Destination: m.destination.show(fitting)})
		}
		m.decisions[s] = d
		return
	}
}

// ambiguity says why evidence which names so many accounts of the destination is none, or is empty.
func (m *matcher) ambiguity(a endpoint.Account, by Evidence, fitting int) string {
	namesakes := len(m.source.names[foldName(a.DisplayName)])
	switch {
	case fitting > 1:
		return fmt.Sprintf("by %v, the account fits %d of the destination; say in the list where it goes", by, fitting)
	case by == ByDisplayName && namesakes > 1:
		return fmt.Sprintf("%d accounts of the source have this display name; say in the list where each goes", namesakes)
	}
	return ""
}

// fitting returns the accounts of the destination that one kind of evidence names.
func (m *matcher) fitting(a endpoint.Account, by Evidence) []int {
	var found []int
	switch by {
	case ByRule:
		for _, rule := range m.options.Rules {
			if address := rule(a.Address); address != "" {
				found = append(found, m.destination.find(address)...)
			}
		}
	case ByAddress:
		for _, address := range addresses(a) {
			found = append(found, m.destination.all[address]...)
		}
	case ByDisplayName:
		if m.options.DisplayNames {
			return m.destination.names[foldName(a.DisplayName)]
		}
	case ByList: // is decided already
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// findCollisions reports every account of the destination to which several would go.
func (m *matcher) findCollisions() {
	for d, sources := range m.arrivals() {
		if len(sources) < 2 {
			continue
		}
		line := 0
		for _, s := range sources {
			line = max(line, m.decisions[s].line)
		}
		m.problem(Problem{
			Line:   line,
			Reason: fmt.Sprintf("%d accounts of the source would go to one of the destination; say in the list which of them does", len(sources)),
			Source: m.source.show(sources), Destination: m.destination.show([]int{d}),
		})
	}
}

// arrivals returns which accounts of the source go to each of the destination.
func (m *matcher) arrivals() [][]int {
	arrivals := make([][]int, len(m.destination.accounts))
	for s := range m.source.accounts {
		if d, decided := m.decisions[s]; decided && d.to >= 0 {
			arrivals[d.to] = append(arrivals[d.to], s)
		}
	}
	return arrivals
}

// pairing returns what was decided. There are no problems.
func (m *matcher) pairing() *Pairing {
	p := &Pairing{}
	for s, a := range m.source.accounts {
		switch d, decided := m.decisions[s]; {
		case !decided:
			p.Unmatched = append(p.Unmatched, a)
		case d.to == leftOut:
			p.LeftOut = append(p.LeftOut, a)
		default:
			p.Pairs = append(p.Pairs, Pair{a, m.destination.accounts[d.to], d.by})
		}
	}
	for d, sources := range m.arrivals() {
		if len(sources) == 0 {
			p.Unused = append(p.Unused, m.destination.accounts[d])
		}
	}
	return p
}
