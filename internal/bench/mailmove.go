package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
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
	db, err := badgerstore.Open(j.state, &badgerstore.Options{Key: w.key})
	if err != nil {
		return u, err
	}
	u.report, err = w.passOver(ctx, j, db, by)
	err = errors.Join(err, db.Close())
	u.took, u.cpu = time.Since(began), ownTime()-before
	return u, err
}

// passOver runs one pass with any store.
func (w *world) passOver(ctx context.Context, j job, db store.Store, by way) (report *pass.Report, err error) {
	pair := pass.Pair{ID: pairID}
	if pair.Source, err = openMailbox(ctx, j.source, j.from, by.hide, by.source); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pair.Source.Close()) }()
	if pair.Destination, err = openMailbox(ctx, j.destination, j.to, by.hide, by.destination); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pair.Destination.Close()) }()
	engine, err := pass.New(pass.Config{Store: db, Key: w.key})
	if err != nil {
		return nil, err
	}
	report, err = engine.Run(ctx, pair, pass.Options{})
	return report, errors.Join(err, complete(report))
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
