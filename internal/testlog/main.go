// Command testlog reads the events of "go test -json" and prints what "go test" would: the closing
// line of each package, and all output of the tests that failed. It ends with each test that was
// skipped and why, which "go test" keeps to itself.
//
//	go test -json ./... | go run ./internal/testlog
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1) //nolint:forbidigo // this is a program
	}
}

// event is one line of "go test -json", see "go doc test2json" and "go help buildjson".
type event struct {
	Action, Package, Test, Output string
}

// report collects what is printed only once the end of a test is known.
type report struct {
	out     io.Writer
	outputs map[[2]string]string // by package and test
	skipped []string
	failed  []string
}

// run copies from in to out, and fails where a test did. Lines that are no events are printed as
// they are.
func run(in io.Reader, out io.Writer) error {
	r := report{out: out, outputs: map[[2]string]string{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			if err := r.line(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return r.end()
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line string) error {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		return r.print(line)
	}
	test := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		return r.print(e.Output)
	case "output":
		r.outputs[test] += e.Output
	case "pass":
		return r.closing(test)
	case "fail":
		r.failed = append(r.failed, name(test))
		text := r.outputs[test]
		delete(r.outputs, test)
		return r.print(text)
	case "skip":
		if e.Test == "" {
			return r.closing(test) // a package without tests
		}
		r.skipped = append(r.skipped, name(test)+": "+reason(r.outputs[test]))
		delete(r.outputs, test)
	}
	return nil
}

// closing prints the last line of a package's own output, such as "ok  package  0.1s". What a
// passing test printed is dropped.
func (r *report) closing(test [2]string) error {
	text := strings.TrimRight(r.outputs[test], "\n")
	delete(r.outputs, test)
	if test[1] != "" {
		return nil
	}
	return r.print(text[strings.LastIndexByte(text, '\n')+1:] + "\n")
}

// end prints the summary. What belongs to tests that never ended, because their program died, is
// printed first.
func (r *report) end() error {
	for _, text := range r.outputs {
		if err := r.print(text); err != nil {
			return err
		}
	}
	if err := r.print(summary("Nothing failed.", "failed", r.failed) + summary("Every test ran.", "did not run", r.skipped)); err != nil {
		return err
	}
	if len(r.failed) > 0 {
		return fmt.Errorf("%d tests and packages failed", len(r.failed))
	}
	return nil
}

func summary(none, what string, names []string) string {
	if len(names) == 0 {
		return none + "\n"
	}
	return fmt.Sprintf("%d %s:\n  %s\n", len(names), what, strings.Join(names, "\n  "))
}

func (r *report) print(text string) error {
	_, err := io.WriteString(r.out, text)
	return err
}

// name returns "package.Test", or the package alone.
func name(test [2]string) string { return strings.TrimSuffix(test[0]+"."+test[1], ".") }

// reason returns what a skipped test printed, without the lines of the test framework.
func reason(output string) string {
	var kept []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- SKIP") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, " ")
}
