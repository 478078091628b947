// Mailmove migrates a mailbox from one server to another, by IMAP or in Microsoft 365, as often as one
// likes: what it moved once it does not move again.
//
//	mailmove -from imaps://ann@old.example -to imaps://ann@new.example -state DIR
//
// Run it with -help for everything else.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the pass cleanly, a second one ends the process.
	context.AfterFunc(ctx, stop)
	status := newProgram(os.Getenv, os.Stdout, os.Stderr).run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// program is the world around one run.
type program struct {
	getenv         func(string) string
	stdout, stderr *printer
}

func newProgram(getenv func(string) string, stdout, stderr io.Writer) program {
	return program{getenv, &printer{Writer: stdout}, &printer{Writer: stderr}}
}

func (p program) run(ctx context.Context, args []string) int {
	status := p.do(ctx, args)
	if p.stdout.err != nil {
		p.printError(p.stdout.err)
		status = max(status, failures)
	}
	return status
}

func (p program) do(ctx context.Context, args []string) int {
	s, err := parse(args, p.getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		p.stdout.printf("%s", help)
		return complete
	case err != nil:
		p.stderr.printf("%v\nmailmove -help explains all flags.\n", err)
		return badUsage
	}
	switch s.verb {
	case verbRun, verbPlan:
		return p.pass(ctx, s)
	case verbCheck:
		return p.check(ctx, s)
	case verbReset:
		return p.reset(ctx, s)
	case verbPurge:
		return p.purge(ctx, s)
	case verbRebind:
		return p.rebind(ctx, s)
	case verbExplain:
		return p.explain(ctx, s)
	case verbStatus:
		return p.status(ctx, s)
	}
	return badUsage
}
