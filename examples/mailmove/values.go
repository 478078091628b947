package main

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// The following make the functions that read the value of a flag. What they find wrong they note
// themselves, because package flag would stop there and repeat the value.

func (p *parser) address(name string, a *account) func(string) error {
	return func(value string) error {
		parsed, err := parseAddress(value)
		if err != nil {
			p.wrong("%s: %w", name, err)
		}
		*a = parsed
		a.given = true
		return nil
	}
}

func (p *parser) instant(name string, t *time.Time) func(string) error {
	return func(value string) error {
		parsed, ok := parseInstant(value)
		if !ok {
			p.wrong("%s: give a date such as 2006-01-02, or a time such as 2006-01-02T15:04:05Z", name)
		}
		*t = parsed
		return nil
	}
}

func parseInstant(value string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// age reads how old mail must be: a number with a unit, or the time before which it came.
func (p *parser) age(name string, window *pass.PreStaging) func(string) error {
	return func(value string) error {
		before, isInstant := parseInstant(value)
		age, isAge := parseAge(value)
		if !isInstant && !isAge {
			p.wrong("%s: give an age such as 90d, 12w or 36h, or a date such as 2006-01-02", name)
		}
		window.Age, window.Before = age, before
		return nil
	}
}

// parseAge reads hours, days of 24 hours, or weeks.
func parseAge(value string) (time.Duration, bool) {
	if value == "" {
		return 0, false
	}
	unit, known := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[value[len(value)-1]]
	n, err := strconv.ParseUint(value[:len(value)-1], 10, 12) // 4095 weeks are a lifetime, and no overflow
	if !known || err != nil || n == 0 {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

func (p *parser) pattern(name string, list *[]pass.Pattern) func(string) error {
	return func(value string) error {
		pattern := pass.Pattern(value)
		if err := pattern.Validate(); err != nil {
			p.wrong("%s: %w", name, err)
			return nil
		}
		*list = append(*list, pattern)
		return nil
	}
}

// folder reads the path of one folder.
func (p *parser) folder(name string, path *[]string) func(string) error {
	return func(value string) error {
		*path = strings.Split(value, "/")
		if slices.Contains(*path, "") {
			p.wrong("%s: give the path of a folder, such as Projects/2024", name)
		}
		return nil
	}
}

func (p *parser) role(name string, list *[]endpoint.Role) func(string) error {
	var known []string
	for _, role := range endpoint.AllRoles() {
		known = append(known, string(role))
	}
	return func(value string) error {
		if !slices.Contains(known, value) {
			p.wrong("%s: give %s", name, oneOf(known))
			return nil
		}
		*list = append(*list, endpoint.Role(value))
		return nil
	}
}

// itemKind reads the name of a kind of item.
func itemKind[K ~uint8](p *parser, list *[]K) func(string) error {
	var names []string
	for _, kind := range endpoint.AllKinds() {
		names = append(names, kind.String())
	}
	return func(value string) error {
		kind, known := endpoint.ParseKind(value)
		if !known {
			p.wrong("-kind: give %s", oneOf(names))
			return nil
		}
		*list = append(*list, K(kind))
		return nil
	}
}

// confirmation reads what a purge printed.
func (p *parser) confirmation(to *string) func(string) error {
	return func(value string) error {
		if token, err := hex.DecodeString(value); err != nil || len(token) != 16 {
			p.wrong("-confirm: give the value that purge printed without it")
		}
		*to = value
		return nil
	}
}

// choice declares a flag that has one of some values, which are those of T in order.
func choice[T ~uint8](p *parser, name string, to *T, values ...string) {
	p.Func(name, "", func(value string) error {
		i := slices.Index(values, value)
		if i < 0 {
			p.wrong("-%s: give %s", name, oneOf(values))
		}
		*to = T(max(i, 0))
		return nil
	})
}

// oneOf lists values of which one is wanted.
func oneOf(values []string) string {
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func (p *parser) percentage(name string, share *float64) func(string) error {
	return func(value string) error {
		parsed, err := strconv.ParseFloat(value, 64)
		if err != nil || !(parsed > 0 && parsed <= 100) { // not a number is neither
			p.wrong("%s: give a percentage greater than 0, at most 100", name)
		}
		*share = parsed
		return nil
	}
}

// number declares a flag that has a number from 1 to a greatest one.
func number[T int | int64 | uint64](p *parser, name string, to *T, most T) {
	p.Func(name, "", func(value string) error {
		parsed, err := strconv.ParseUint(value, 10, 64)
		if err != nil || parsed < 1 || parsed > uint64(most) {
			p.wrong("-%s: give a number from 1 to %d", name, most)
		}
		*to = T(parsed)
		return nil
	})
}
