package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/pass"
)

// check tries a pair and prints what it is capable of.
func (p program) check(ctx context.Context, s settings) int {
	preflight, err := p.runCheck(ctx, s)
	if err != nil {
		p.printError(err)
		return errorStatus(err)
	}
	p.printPreflight(s, preflight)
	return complete
}

func (p program) runCheck(ctx context.Context, s settings) (*pass.Preflight, error) {
	m, err := p.open(ctx, s, nil)
	var preflight *pass.Preflight
	if err == nil {
		preflight, err = m.engine.Check(ctx, m.pair, m.options)
	}
	return preflight, errors.Join(beforeWriting(err), m.close())
}

// preflightDocument is the JSON form of a check.
type preflightDocument struct {
	Pair    string           `json:"pair"`
	Folders []folderDocument `json:"folders"`
	Losses  []string         `json:"losses"`
	// Warnings say which flags have no effect here.
	Warnings []string `json:"warnings,omitempty"`
}

type folderDocument struct {
	Folder      string `json:"folder"`
	Destination string `json:"destination"`
	Create      bool   `json:"create"`
	Items       int    `json:"items"` // -1 if unknown
}

func (p program) printPreflight(s settings, preflight *pass.Preflight) {
	document := preflightDocument{
		Pair: s.pair, Folders: []folderDocument{},
		Losses: append([]string{}, preflight.Losses...), Warnings: preflight.Warnings,
	}
	for _, f := range preflight.Folders {
		document.Folders = append(document.Folders, folderDocument{
			strings.Join(f.Source, "/"), strings.Join(f.Destination, "/"), f.Create, f.Items,
		})
	}
	if s.json {
		p.printJSON(document)
		return
	}
	p.stdout.printf("pair %s: both servers can be used; items by folder:\n", safe(s.pair))
	for _, f := range document.Folders {
		p.stdout.printf("%s\n", f.text())
	}
	for _, loss := range document.Losses {
		p.stdout.printf("  cannot be carried over: %s\n", safe(loss))
	}
	for _, warning := range document.Warnings {
		p.stdout.printf("  note: %s\n", safe(flagNames(warning)))
	}
}

// text is a line for people: how many items, in which folder, and what is special about it.
func (f folderDocument) text() string {
	items := "?"
	if f.Items >= 0 {
		items = strconv.Itoa(f.Items)
	}
	text := fmt.Sprintf("%8s  %s", items, safe(f.Folder))
	if f.Destination != f.Folder {
		text += " -> " + safe(f.Destination)
	}
	if f.Create {
		text += " (to be created)"
	}
	return text
}
