package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
)

// pairID is the pair of every run; each has a database of its own.
const pairID = "bench"

// runMailmove runs the program as a user would.
func (w *world) runMailmove(ctx context.Context, j job) (usage, error) {
	cmd := exec.CommandContext(ctx, w.mailmove,
		"-from", "imap+plain://"+j.from+"@"+j.source, "-to", "imap+plain://"+j.to+"@"+j.destination,
		"-pair", pairID, "-state", j.state, "-key", w.keyFile, "-json")
	cmd.Env = append(os.Environ(), "MAILMOVE_FROM_PASSWORD="+password, "MAILMOVE_TO_PASSWORD="+password)
	out, u, err := measure(cmd)
	if err != nil {
		return u, err
	}
	u.report = new(pass.Report)
	if err := json.Unmarshal(out, u.report); err != nil {
		return u, fmt.Errorf("the report of mailmove: %w", err)
	}
	return u, complete(u.report)
}

// runLibrary does in this process what the program does.
func (w *world) runLibrary(ctx context.Context, j job) (usage, error) {
	return w.embeddedPass(ctx, j, way{})
}

// way says how the library gets to a server.
type way struct {
	hide                []string // capabilities that the server is made not to have
	source, destination string   // addresses to dial instead of the servers', which stay the mailboxes' own
}

// embeddedPass runs one pass with Badger.
func (w *world) embeddedPass(ctx context.Context, j job, by way) (u usage, err error) {
	began, before := time.Now(), ownTime()
	u.report, err = w.passOver(ctx, j, w.badger(j.state), by)
	u.took, u.cpu = time.Since(began), ownTime()-before
	return u, err
}

// badger opens a database.
func (w *world) badger(dir string) func() (store.Store, error) {
	return func() (store.Store, error) { return badgerstore.Open(dir, &badgerstore.Options{Key: w.key}) }
}

// passOver runs one pass with any store. As mailmove does, it opens that and the mailboxes at once.
func (w *world) passOver(ctx context.Context, j job, open func() (store.Store, error), by way) (report *pass.Report, err error) {
	pair := pass.Pair{ID: pairID}
	var db store.Store
	closeAll, err := openAll(func() (_ io.Closer, err error) {
		db, err = open()
		return db, err
	}, func() (_ io.Closer, err error) {
		pair.Source, err = openMailbox(ctx, j.source, j.from, by.hide, by.source)
		return pair.Source, err
	}, func() (_ io.Closer, err error) {
		pair.Destination, err = openMailbox(ctx, j.destination, j.to, by.hide, by.destination)
		return pair.Destination, err
	})
	defer func() { err = errors.Join(err, closeAll()) }()
	if err != nil {
		return nil, err
	}
	engine, err := pass.New(pass.Config{Store: db, Key: w.key})
	if err != nil {
		return nil, err
	}
	report, err = engine.Run(ctx, pair, pass.Options{})
	return report, errors.Join(err, complete(report))
}

// openAll opens several things at once. What it returns closes those that could be opened.
func openAll(opens ...func() (io.Closer, error)) (closeAll func() error, err error) {
	closers, failed := make([]io.Closer, len(opens)), make([]error, len(opens))
	var opening sync.WaitGroup
	for i, open := range opens {
		opening.Go(func() { closers[i], failed[i] = open() })
	}
	opening.Wait()
	return func() error {
		var errs []error
		for i, c := range closers {
			if failed[i] == nil {
				errs = append(errs, c.Close())
			}
		}
		return errors.Join(errs...)
	}, errors.Join(failed...)
}

// openMailbox opens a mailbox; it dials by, if that is not empty, instead of addr.
func openMailbox(ctx context.Context, addr, user string, hide []string, by string) (*endpoint.Mailbox, error) {
	c := imapendpoint.Config{
		Addr: addr, Security: imapendpoint.Plaintext, Username: user, Password: password, HideCapabilities: hide,
	}
	if by != "" {
		c.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, by)
		}
	}
	return imapendpoint.Open(ctx, c)
}

// complete returns an error where a pass left anything out.
func complete(r *pass.Report) error {
	switch {
	case r == nil:
		return nil
	case !r.Complete || !r.Closes():
		return fmt.Errorf("the pass is not complete: %v", r)
	case r.Totals.Listed != r.Totals.Migrated+r.Totals.Already:
		return fmt.Errorf("the pass left items out: %v, %+v", r, r.Failures[:min(len(r.Failures), 3)])
	}
	return nil
}
