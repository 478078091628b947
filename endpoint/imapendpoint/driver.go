package imapendpoint

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	typeName      = "imap"
	driverVersion = "imapendpoint/1"
	// putGrace is for how long a server may go on with a command after its connection was reset.
	putGrace = 2 * time.Second
)

// driver is the endpoint.Driver over a pool of sessions.
//
// A folder's ID is its name on the wire, an item's Ref its UID in decimal, a Validity the
// UIDVALIDITY in decimal, and a State what folderState describes.
type driver struct {
	endpoint.Unimplemented
	cfg    Config
	pool   *pool
	bodies bodyStats // of Read
	pieces pieces    // of Read
	ahead  outlines  // of Outline
	pace   *pace     // of Put
	lost   doubts    // of Put

	mu     sync.Mutex
	spaces *namespace // once known
}

var _ endpoint.Driver = (*driver)(nil)

func newDriver(cfg Config, p *pool) *driver {
	return &driver{cfg: cfg, pool: p, pace: newPace(cfg.Connections)}
}

// Info names the account as user@host:port.
func (d *driver) Info() endpoint.Info {
	host, port, err := net.SplitHostPort(d.cfg.Addr)
	if err != nil {
		host, port = d.cfg.Addr, ""
	}
	address := net.JoinHostPort(strings.ToLower(host), port)
	return endpoint.Info{Type: typeName, Driver: driverVersion, Account: d.cfg.Username + "@" + address}
}

// Capabilities asks one session for what the server offers.
func (d *driver) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	formats := map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {endpoint.RFC822}}
	caps := endpoint.Capabilities{
		Read: formats, Write: formats,
		States: true, CreateFolder: true, DeleteFolder: true, Subscribe: true,
		Flags: true, SetFlags: true, Find: true, Outlines: true,
		Identity: identityScheme,
		Keywords: true, Received: true, Exact: true,
		Concurrency: d.cfg.Connections, PutGrace: putGrace,
	}
	err := d.with(ctx, anyFolder, func(s *session) error {
		caps.MaxItem = s.appendLimit()
		caps.Delete = s.canDelete()
		caps.FlagStates = s.countsChanges()
		return nil
	})
	return caps, err
}

// Wire returns the counters of all connections so far.
func (d *driver) Wire() endpoint.Wire { return d.pool.wire() }

// Close closes all connections.
func (d *driver) Close() error { return d.pool.close() }

// anyFolder is the name for with where it does not matter what a session has open.
const anyFolder = ""

// with runs op with a session, if possible with one that has the folder with that name open. Sessions
// that rested in the pool may have been closed by the server, and only their use tells: op runs again,
// with another session, while its session is lost, until every rested one must have had its turn. So
// op must have no effect that cannot be repeated, or hide the loss by returning nil.
func (d *driver) with(ctx context.Context, folder string, op func(*session) error) error {
	for attempt := 0; ; attempt++ {
		s, err := d.pool.acquire(ctx, folder)
		if err != nil {
			return err
		}
		err = op(s)
		lost := !s.alive()
		d.pool.release(s)
		if endpoint.CodeOf(err) != endpoint.Unavailable || !lost || attempt == d.cfg.Connections || ctx.Err() != nil {
			return err
		}
	}
}

// examine runs op, as with does, after EXAMINE of the folder, which changes nothing there, not
// even \Recent. It fails with Stale if the folder's validity is another. send may be nil, or send
// commands whose answers op awaits: they go with the EXAMINE, in one flight.
//
// Where that flight is lost, the next time send waits for the answer to EXAMINE: a command that ends
// the connection must not make the folder look like one that cannot be opened.
//
// The folder is opened anew each time: in a view that was opened earlier, items that came since
// would be missing, and look expunged. NOOP would be cheaper, but is not bound to show them.
func (d *driver) examine(ctx context.Context, f endpoint.Folder, send func(*session), op func(*session, *selected) error) error {
	together := send != nil
	return d.with(ctx, f.ID, func(s *session) error {
		err := s.guard(ctx, func() error { return examineOnce(s, f, send, together, op) })
		together = false
		if s.alive() && len(s.wire.open) > 0 {
			s.kill() // op gave up, and nobody will read the answers
		}
		return err
	})
}

func examineOnce(s *session, f endpoint.Folder, send func(*session), together bool, op func(*session, *selected) error) error {
	o, err := s.sendSelect(f.ID, true)
	if err != nil {
		return err
	}
	if together {
		send(s)
	}
	sel, err := o.await()
	if err == nil && f.Validity != "" && f.Validity != validityText(sel.validity) {
		err = errStale()
	}
	if err != nil {
		_ = s.wire.drain() // a failure has ended the connection
		return err
	}
	if send != nil && !together {
		send(s)
	}
	return op(s, sel)
}

func errStale() error {
	return endpoint.Errorf(endpoint.Stale, "the folder's UIDVALIDITY changed: list the folders again")
}

func errReadOnly() error {
	return endpoint.Errorf(endpoint.Denied, "the folder is read-only for this account")
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
