// Strategies shows how passes become a migration, on mailboxes in memory, with a timeline:
//
//	go run ./examples/strategies
//
// Each strategy has a file: cutover.go, staged.go, sweep.go, and control.go for halting and cancelling
// passes. What they share is in company.go, steps.go and checks.go. Days are those of a calendar that
// the program turns itself; the exit status is 1 if a step did not go as it was foretold.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	err := tell(ctx, os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "strategies:", err)
		os.Exit(1)
	}
}

// tell goes through the strategies, until one does not go as foretold.
func tell(ctx context.Context, out io.Writer) error {
	for _, strategy := range []func(*company){cutover, staged, sweep, control} {
		c := newCompany(ctx, out)
		strategy(c)
		if c.err != nil {
			return c.err
		}
	}
	return nil
}
