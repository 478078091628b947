package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// findings are what was measured.
type findings struct {
	rows   []row
	plot   []point
	failed []error
}

// group is a number of rows that are measured together.
type group struct {
	name    string
	measure func(*world, context.Context) (findings, error)
}

// groups returns all groups in the order of the table.
func groups() []group {
	rows := func(measure func(*world, context.Context) ([]row, error)) func(*world, context.Context) (findings, error) {
		return func(w *world, ctx context.Context) (findings, error) {
			rows, err := measure(w, ctx)
			return findings{rows: rows}, err
		}
	}
	full := func(choose func(scale) fullCase) func(*world, context.Context) (findings, error) {
		return rows(func(w *world, ctx context.Context) ([]row, error) { return w.full(ctx, choose(w.size)) })
	}
	return []group{
		{"full", full(scale.mixedCase)},
		{"full-small", full(scale.smallCase)},
		{"full-distant", full(scale.distantCase)},
		{"delta", func(w *world, ctx context.Context) (findings, error) {
			rows, plot, err := w.delta(ctx)
			return findings{rows: rows, plot: plot}, err
		}},
		{"million", rows((*world).million)},
		{"big-message", rows((*world).bigMessage)},
		{"durability", rows((*world).durability)},
	}
}

func groupNames() []string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

// choose returns the groups with the given names, separated by commas, or all.
func choose(names string) ([]group, error) {
	all := groups()
	if names == "" {
		return all, nil
	}
	var chosen []group
	var errs []error
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("%q is no group of rows; there are %s", name, strings.Join(groupNames(), ", ")))
			continue
		}
		chosen = append(chosen, all[i])
	}
	return chosen, errors.Join(errs...)
}
