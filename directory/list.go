package directory

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Entry is where the caller wants one account to go.
type Entry struct {
	// Source and Destination are the primary address of an account, or an alias that is no primary
	// address of another. An empty Destination leaves the account out.
	Source, Destination string
	// Line is where the entry stands, so that problems can name it; 0 if nowhere.
	Line int
}

// ReadList reads a list in CSV (RFC 4180): in each line the address at the source, a comma, and the
// address at the destination, or nothing to leave the account out. A first line that says
// "source,destination" is a header, and is optional: no address looks like it. White space around
// addresses, empty lines and the byte order mark of a spreadsheet are passed over.
//
// It fails with an *Error that has every line that is wrong, or with the error of r.
func ReadList(r io.Reader) ([]Entry, error) {
	lines := csv.NewReader(withoutBOM(r))
	lines.FieldsPerRecord = -1 // they are counted here, so that every line is looked at
	var entries []Entry
	var problems []Problem
	for first := true; ; first = false {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			problems = append(problems, Problem{Line: wrong.Line, Reason: "the line is not CSV: " + wrong.Err.Error()})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the list: %w", err)
		}
		if first && isHeader(fields) {
			continue
		}
		line, _ := lines.FieldPos(0)
		entry, reason := parseEntry(line, fields)
		if reason != "" {
			problems = append(problems, Problem{line, reason, []string{entry.Source}, []string{entry.Destination}})
		}
		entries = append(entries, entry)
	}
	if len(problems) > 0 {
		return nil, &Error{problems}
	}
	return entries, nil
}

// withoutBOM skips the byte order mark of UTF-8.
func withoutBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if start, _ := b.Peek(3); string(start) == "\uFEFF" { // an error comes again
		_, _ = b.Discard(3)
	}
	return b
}

func isHeader(fields []string) bool {
	return len(fields) == 2 && strings.EqualFold(strings.TrimSpace(fields[0]), "source") &&
		strings.EqualFold(strings.TrimSpace(fields[1]), "destination")
}

// parseEntry makes an entry of a line, and says what is wrong with it.
func parseEntry(line int, fields []string) (e Entry, reason string) {
	e = Entry{Line: line, Source: strings.TrimSpace(fields[0])}
	if len(fields) != 2 {
		return e, fmt.Sprintf("it has %d fields; write source,destination", len(fields))
	}
	e.Destination = strings.TrimSpace(fields[1])
	switch {
	case !looksLikeAddress(e.Source):
		reason = "the source is no address"
	case e.Destination != "" && !looksLikeAddress(e.Destination):
		reason = "the destination is no address; leave it empty to leave the account out"
	}
	return e, reason
}

// looksLikeAddress asks for no more than what makes a mistake obvious. That an account has the
// address is found by looking for it.
func looksLikeAddress(text string) bool {
	local, domain, ok := strings.Cut(text, "@")
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
	return ok && local != "" && domain != "" && !strings.ContainsFunc(text, odd)
}
