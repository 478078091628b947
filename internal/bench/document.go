package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The marks in the document between which the table stands.
const (
	tableBegin = "<!-- what follows is written by make bench -->\n"
	tableEnd   = "<!-- what precedes is written by make bench -->\n"
)

// markdown is all that was measured, as a table, with the machine above it.
func (f findings) markdown(machine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| case | figure | at least | moonshot | reached | medians |\n| --- | --- | --- | --- | --- | --- |\n", machine)
	missed := 0
	for _, r := range f.rows {
		fmt.Fprintln(&b, r.markdown())
		if r.least.given && !r.least.metBy(r.value) {
			missed++
		}
	}
	fmt.Fprintf(&b, "\n%d of %d figures are below what they are to reach at least.\n", missed, len(f.rows))
	return b.String()
}

// publish writes the table into the document, and the plot beside it.
func publish(docs, table string, plot []point) error {
	file := filepath.Join(docs, "performance.md")
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := replaceTable(string(old), table)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	if len(plot) == 0 {
		return nil
	}
	dir := filepath.Join(docs, "performance")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "delta.svg"), []byte(drawDelta(plot)), 0o644)
}

// replaceTable puts a table between the marks of a document.
func replaceTable(document, table string) (string, error) {
	before, rest, begins := strings.Cut(document, tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		return "", errors.New("the marks for the table are missing")
	}
	return before + tableBegin + "\n" + strings.TrimSpace(table) + "\n\n" + tableEnd + after, nil
}
