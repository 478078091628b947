package endtoend_test

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// wireFault is one way in which a server misbehaves, and what must come of it.
type wireFault struct {
	name string
	// on is the server.
	on side
	// install makes it misbehave while active says so.
	install func(m *faultyModel)
	// stops says that the pass cannot end, and with which code. Otherwise it comes to its end.
	stops endpoint.Code
	// fails is the code of the one item that fails; otherwise none does. The item is the one whose
	// body holds victim.
	fails endpoint.Code
	// failsFolder is the code of the one folder that fails, in which no items are known.
	failsFolder endpoint.Code
	// timeout is the Config.Timeout; 0 means five seconds.
	timeout time.Duration
	// connections to each server; 0 means 1.
	connections int
}

// patience is how long the pass bears with the server. A slow machine must not look like a fault.
func (f wireFault) patience() time.Duration {
	if f.stops == endpoint.Unknown {
		return 10 * time.Second
	}
	return time.Second
}

type side int

const (
	source side = iota
	destination
)

// victim stands in the body of the message of that number.
const (
	victim       = "the victim of the fault"
	victimNumber = 3
)

// faultyModel is a mailbox on a server that misbehaves.
type faultyModel struct {
	imapscript.Model
	active atomic.Bool
	open   atomic.Int32
	// greet, if set, deals with a connection that is the n-th to be open at the time, counted from
	// 1; false leaves it to the model.
	greet func(c *imapscript.Conn, n int) bool
}

func (m *faultyModel) serve(c *imapscript.Conn) {
	n := int(m.open.Add(1))
	defer m.open.Add(-1)
	if m.greet != nil && m.active.Load() && m.greet(c, n) {
		return
	}
	m.Serve(c)
}

// on makes a hook that acts on the first commands, at most times, of those that want accepts.
func (m *faultyModel) on(times int, want func(cmd imapscript.Command) bool, act func(c *imapscript.Conn, cmd imapscript.Command)) {
	var done atomic.Int32
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if !m.active.Load() || !want(cmd) || int(done.Add(1)) > times {
			return false
		}
		act(c, cmd)
		return true
	}
}

const always = 1 << 30

func named(name string) func(imapscript.Command) bool {
	return func(cmd imapscript.Command) bool { return cmd.Name == name }
}

// fetching matches a FETCH that asks for an item.
func fetching(item string) func(imapscript.Command) bool {
	return func(cmd imapscript.Command) bool {
		return cmd.Name == "UID FETCH" && strings.Contains(cmd.Args, item)
	}
}

// appending matches an APPEND of a real message; the canary's is left alone.
func appending(text string) func(imapscript.Command) bool {
	return func(cmd imapscript.Command) bool {
		return cmd.Name == "APPEND" && len(cmd.Literals) > 0 &&
			!strings.Contains(string(cmd.Literals[0]), "canary") && holds(cmd, text) < len(cmd.Literals)
	}
}

// holds returns which message of an APPEND holds a text; as many as there are means none.
func holds(cmd imapscript.Command, text string) int {
	for i, literal := range cmd.Literals {
		if strings.Contains(string(literal), text) {
			return i
		}
	}
	return len(cmd.Literals)
}

func drop(c *imapscript.Conn, _ imapscript.Command) { c.Drop() }

func silent(*imapscript.Conn, imapscript.Command) {}

// talkative is what a server says besides: it must reach no log, error or report.
const talkative = " (" + plantedUser + ", " + plantedPassword + ": " + plantedSubject + ")"

func bye(text string) func(*imapscript.Conn, imapscript.Command) {
	return func(c *imapscript.Conn, _ imapscript.Command) {
		c.Send("* BYE " + text + talkative)
		c.Finish()
	}
}

func refuse(status string) func(*imapscript.Conn, imapscript.Command) {
	return func(c *imapscript.Conn, cmd imapscript.Command) { c.Reply(cmd, status+talkative) }
}

// rewriting makes the server say one thing instead of another.
func rewriting(old, with string) func(m *faultyModel) {
	return func(m *faultyModel) {
		m.Rewrite = func(_ *imapscript.Conn, text string) string {
			if !m.active.Load() {
				return text
			}
			return strings.ReplaceAll(text, old, with)
		}
	}
}

// faultWorld is two servers, one of which misbehaves.
type faultWorld struct {
	fault      wireFault
	models     [2]*faultyModel
	addrs      [2]string
	store      *memstore.Store
	key        watermark.Key
	first      *pass.Report
	err        error
	took       time.Duration
	bodies     []string // at the destination after the first pass, without marks
	second     *pass.Report
	secondErr  error
	thereAtEnd []string
	log        logBook
}

func newFaultWorld(t *testing.T, f wireFault) *faultWorld {
	t.Helper()
	w := &faultWorld{fault: f, store: memstore.New(), key: watermark.NewKey()}
	for i := range w.models {
		w.models[i] = &faultyModel{}
		w.models[i].Add("INBOX")
	}
	// One folder of the source has UIDs for which it must be searched.
	w.models[source].Edit("INBOX", func(f *imapscript.Folder) { f.UIDNext = 7001 })
	for i := range 7 {
		text := string(plantedMessage(strconv.Itoa(i)))
		if i == victimNumber {
			text += victim + "\r\n"
		}
		w.models[source].Add([]string{"INBOX", "INBOX", "Work"}[i%3], text)
	}
	w.models[f.on].active.Store(true)
	f.install(w.models[f.on])
	for i, m := range w.models {
		w.addrs[i] = imapscript.Start(t, m.serve).Addr
	}
	return w
}

// pass runs one pass over fresh connections.
func (w *faultWorld) pass(ctx context.Context, timeout time.Duration) (*pass.Report, error) {
	var mailboxes [2]*endpoint.Mailbox
	for i, addr := range w.addrs {
		m, err := imapendpoint.Open(ctx, imapendpoint.Config{
			Addr: addr, Security: imapendpoint.Plaintext, Username: plantedUser, Password: plantedPassword,
			Timeout: timeout, Connections: max(w.fault.connections, 1), Logger: w.log.logger(),
		})
		if err != nil {
			return &pass.Report{}, err
		}
		defer func() { _ = m.Close() }()
		mailboxes[i] = m
	}
	e, err := pass.New(pass.Config{Store: w.store, Key: w.key, Logger: w.log.logger()})
	if err != nil {
		return &pass.Report{}, err
	}
	return e.Run(ctx, pass.Pair{ID: "pair", Source: mailboxes[source], Destination: mailboxes[destination]},
		pass.Options{Patience: w.fault.patience()})
}

// run has a pass meet the fault, and another one find it gone.
func (w *faultWorld) run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	started := time.Now()
	w.first, w.err = w.pass(ctx, cmp.Or(w.fault.timeout, 5*time.Second))
	w.took = time.Since(started)
	w.bodies = w.there()
	for _, m := range w.models {
		m.active.Store(false)
	}
	w.second, w.secondErr = w.pass(ctx, time.Minute)
	w.thereAtEnd = w.there()
}

// there returns what the destination has, without marks; a body without a mark stands for itself.
func (w *faultWorld) there() (bodies []string) {
	for _, name := range []string{"INBOX", "Work"} {
		for _, m := range w.models[destination].Folder(name).Messages {
			bodies = append(bodies, string(unmarked([]byte(m.Body))))
		}
	}
	return bodies
}

// judge compares what came of the fault with what must.
func (w *faultWorld) judge(t *testing.T, f *prove.Figures) {
	t.Helper()
	f.Tried++
	want := map[string]int{}
	for _, name := range []string{"INBOX", "Work"} {
		for _, m := range w.models[source].Folder(name).Messages {
			want[m.Body]++
		}
	}
	wrong := w.complaints(want)
	for _, body := range w.thereAtEnd {
		if want[body]--; want[body] < 0 {
			f.Duplicated++
			wrong = append(wrong, fmt.Sprintf("too often, or changed: %.60q", body))
		}
	}
	for body, n := range want {
		if n > 0 {
			f.Lost++
			wrong = append(wrong, fmt.Sprintf("lost: %.60q", body))
		}
	}
	if len(wrong) > 0 {
		f.Unexplained++
		t.Errorf("%s\nfirst pass: %v, %+v, %+v", strings.Join(wrong, "\n"), w.err, w.first.Totals, w.first.Failures)
	}
}

func (w *faultWorld) complaints(want map[string]int) (wrong []string) {
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	say(w.took > 15*time.Second, "it took %v", w.took)
	say(!w.first.Closes(), "the report does not close")
	say(w.secondErr != nil || !w.second.Complete || w.second.Totals.Failed > 0, "without the fault: %v %+v %+v", w.secondErr, w.second.Totals, w.second.Failures)
	found := append(w.log.leaks(), reportLeaks(w.err, w.first)...)
	say(len(found) > 0, "it gave away %q", found)
	failed := 0
	switch {
	case w.fault.stops != endpoint.Unknown:
		say(w.err == nil || endpoint.CodeOf(w.err) != w.fault.stops, "it did not stop with code %v", w.fault.stops)
		return wrong
	case w.fault.failsFolder != endpoint.Unknown:
		say(len(w.first.Failures) != 1 || w.first.Failures[0].ID != "" || w.first.Failures[0].Code != w.fault.failsFolder.String(),
			"no folder failed with code %v", w.fault.failsFolder)
	case w.fault.fails != endpoint.Unknown:
		failed = 1
		say(len(w.first.Failures) != 1 || w.first.Failures[0].Code != w.fault.fails.String(), "no failure with code %v", w.fault.fails)
	}
	say(w.err != nil || !w.first.Complete, "it did not come to its end")
	say(w.first.Totals.Failed != failed, "%d items failed, want %d", w.first.Totals.Failed, failed)
	say(len(w.bodies) != len(want)-failed, "%d items after the first pass", len(w.bodies))
	return wrong
}

// TestProveWireFaults has a server break off, fall silent, refuse, lie and answer oddly at each
// point of a pass. Each must end, soon, in what the table says: everything migrated once, one
// item failed with its reason, or a stop with its code. In any case the next pass completes it.
func TestProveWireFaults(t *testing.T) {
	t.Parallel() // it waits most of the time
	faults := wireFaults()
	worlds := make([]*faultWorld, len(faults))
	slots := make(chan struct{}, 12) // most of their time they wait
	var all sync.WaitGroup
	for i, f := range faults {
		w := newFaultWorld(t, f)
		worlds[i] = w
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			w.run(t.Context())
		})
	}
	all.Wait()
	var figures prove.Figures
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) { worlds[i].judge(t, &figures) })
	}
	prove.Record(t, "faults on the wire", figures)
}
