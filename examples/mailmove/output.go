package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// safe makes text that others have chosen, such as the name of a folder, safe to print: control
// characters and those that turn the direction of writing would take over the terminal.
func safe(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// printer writes to one of the outputs of the program, and remembers the first error.
type printer struct {
	io.Writer
	err error
}

func (o *printer) printf(format string, args ...any) {
	if o.err == nil {
		_, o.err = fmt.Fprintf(o.Writer, format, args...)
	}
}

// printJSON prints the one document of -json.
func (p program) printJSON(document any) {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		p.stdout.err = err
		return
	}
	p.stdout.printf("%s\n", text)
}

// printError prints an error, each that it joins on a line of its own, and what can be done.
func (p program) printError(err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		p.stderr.printf("mailmove: %s\n", safe(flagNames(line)))
	}
	if text := advice(err); text != "" {
		p.stderr.printf("mailmove: %s\n", text)
	}
}
