package main

import "fmt"

// row is one line of the table.
type row struct {
	name     string
	value    float64
	format   string // of value
	least    target
	moonshot target
	how      string // what the value was computed from
}

// target is what a value is to reach. The zero value is none.
type target struct {
	value  float64
	atMost bool // the value is to be no greater; else no smaller
	given  bool
}

func atLeast(v float64) target { return target{value: v, given: true} }
func atMost(v float64) target  { return target{value: v, atMost: true, given: true} }

func (t target) metBy(v float64) bool {
	if t.atMost {
		return v <= t.value
	}
	return v >= t.value
}

func (t target) text(format string) string {
	switch {
	case !t.given:
		return ""
	case t.atMost:
		return "≤ " + fmt.Sprintf(format, t.value)
	default:
		return "≥ " + fmt.Sprintf(format, t.value)
	}
}

// verdict says whether the targets are reached.
func (r row) verdict() string {
	switch {
	case !r.least.given:
		return ""
	case !r.least.metBy(r.value):
		return "**no**"
	case r.moonshot.given && r.moonshot.metBy(r.value):
		return "moonshot"
	default:
		return "yes"
	}
}

// markdown is the row as a line of a table.
func (r row) markdown() string {
	return fmt.Sprintf("| %s | **%s** | %s | %s | %s | %s |", r.name, fmt.Sprintf(r.format, r.value),
		r.least.text(r.format), r.moonshot.text(r.format), r.verdict(), r.how)
}
