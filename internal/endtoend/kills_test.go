package endtoend_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/prove"
)

// killPoint is a position in what mailmove says and hears, at which it is killed.
type killPoint struct {
	delta     bool // the second pass is killed, not the first
	server    int  // 0 is the source, 1 the destination, 2 stands for mailmove's own lines of progress
	direction int
	at        int64 // bytes of the direction, or lines of progress
	what      string
}

func (p killPoint) String() string {
	return fmt.Sprintf("delta %v, %s, direction %d, position %d, %s", p.delta,
		[]string{"source", "destination", "progress"}[p.server], p.direction, p.at, p.what)
}

// killRound is the migration of one user, who has no other.
type killRound struct {
	*killers
	n       int
	point   killPoint
	move    *program
	a, b    *imapraw.Client
	before  map[string][]imapraw.Message // the source
	removed []content                    // by the user of the destination, never to come back
	lost    bool                         // the database is, too
	gone    bool                         // it was killed at the point
}

// killers are what all rounds share.
type killers struct {
	t        *testing.T
	src, dst *dovecot.Server
	taps     [2]*tap
	figures  prove.Figures
	spread   map[string]int // rounds by what was going on
}

const killPassword = "secret"

func killUser(n int) string { return fmt.Sprintf("user%04d", n) }

func newKillers(t *testing.T, rounds int) *killers {
	t.Helper()
	var users []dovecot.User
	for n := range rounds + 2 {
		users = append(users, dovecot.User{Name: killUser(n), Password: killPassword})
	}
	k := &killers{
		t:      t,
		src:    dovecot.Start(t, dovecot.Config{Format: "sdbox", Users: users, NoFsync: true}),
		dst:    dovecot.Start(t, dovecot.Config{Format: "maildir", Separator: ".", Prefix: "INBOX.", Users: users, NoFsync: true}),
		spread: map[string]int{},
	}
	k.taps = [2]*tap{newTap(t, k.src.Addr()), newTap(t, k.dst.Addr())}
	return k
}

// TestProveKills kills mailmove with SIGKILL at points spread over everything that it says and
// hears: before, within and after each command, literal and response of both servers, in the
// first pass and in a delta. Another run completes what it left, and a third one writes nothing.
func TestProveKills(t *testing.T) {
	t.Parallel()
	rounds := prove.Scale(24, 560)
	k := newKillers(t, rounds)
	all := append(k.points(0, false), k.points(1, true)...)
	t.Logf("%d points were found", len(all))
	points := choose(all, rounds)
	// Rounds are killed in blocks and resumed afterwards, so that they wait together for what a
	// killed run sent to land (endpoint.Capabilities.PutGrace).
	const block = 24
	for first := 0; first < len(points); first += block {
		var killed []*killRound
		for i, p := range points[first:min(first+block, len(points))] {
			r := k.round(first+i+2, p)
			r.kill()
			if i == 7 {
				r.resume() // at once: what was sent may still be landing
			} else {
				killed = append(killed, r)
			}
		}
		for _, r := range killed {
			r.resume()
		}
	}
	for _, what := range slices.Sorted(maps.Keys(k.spread)) {
		t.Logf("killed in %s: %d", what, k.spread[what])
	}
	if k.figures.Tried < rounds*9/10 {
		t.Errorf("only %d of %d runs were killed", k.figures.Tried, rounds)
	}
	prove.Record(t, "kills of mailmove (SIGKILL by log position)", k.figures)
}

// choose returns n points, the same each time: from everything that can be said in turn, so that the
// many lines of a listing do not crowd out the few of the canary.
func choose(all []killPoint, n int) []killPoint {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // not a secret
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	turn := map[killPoint]int{} // how many points of the same kind came before
	turns := map[int][]killPoint{}
	for _, p := range all {
		kind := p
		kind.at = 0
		turns[turn[kind]] = append(turns[turn[kind]], p)
		turn[kind]++
	}
	var chosen []killPoint
	for _, i := range slices.Sorted(maps.Keys(turns)) {
		chosen = append(chosen, turns[i]...)
	}
	return chosen[:min(n, len(chosen))]
}

// points runs a round without a kill and returns every point that its logs have.
func (k *killers) points(user int, delta bool) []killPoint {
	k.t.Helper()
	r := k.round(user, killPoint{delta: delta, server: -1})
	lines, conversations := r.kill()
	r.resume()
	var all []killPoint
	for line := range lines {
		all = append(all, killPoint{delta: delta, server: 2, at: int64(line + 1), what: "a line of progress"})
	}
	for server, c := range conversations {
		for direction := range 2 {
			for _, p := range c.pieces(direction) {
				for _, at := range []int64{p.from, (p.from + p.to) / 2} {
					all = append(all, killPoint{delta, server, direction, at, p.what})
				}
			}
		}
	}
	return all
}

// round prepares the mailboxes of a user, up to the run that will be killed.
func (k *killers) round(user int, p killPoint) *killRound {
	k.t.Helper()
	name := killUser(user)
	r := &killRound{killers: k, n: user, point: p, lost: !p.delta && user%10 == 9}
	r.a, r.b = k.client(k.src, name), k.client(k.dst, name)
	r.move = &program{
		t: k.t, path: mailmovePath(k.t), dir: k.t.TempDir(),
		from: "imap+plain://" + name + "@" + k.taps[0].addr, to: "imap+plain://" + name + "@" + k.taps[1].addr,
		env: append(os.Environ(), "MAILMOVE_FROM_PASSWORD="+killPassword, "MAILMOVE_TO_PASSWORD="+killPassword),
	}
	messages := newCorpus()
	for _, f := range []string{"Work", "Work/Entwürfe & Co"} {
		r.a.Create(f)
		appendMany(r.a, f, messages, 4)
	}
	appendMany(r.a, "INBOX", messages, 6)
	twin := messages.next()
	r.a.Append("INBOX", twin.flags, twin.date, twin.body)
	r.a.Append("INBOX", twin.flags, twin.date, twin.body)
	if p.delta {
		r.deltaBegins(messages)
	}
	r.before = everything(r.a)
	return r
}

// deltaBegins migrates what there is, and has both users go on with their lives.
func (r *killRound) deltaBegins(messages *corpus) {
	r.t.Helper()
	r.begin(nil)
	if status, report, stderr := r.move.run(); status != 0 || report.Totals.Migrated != 16 {
		r.wrong("the pass before: status %d, %+v\n%s", status, report.Totals, stderr)
	}
	deleted := r.b.Messages("INBOX")[0]
	r.removed = contents([]imapraw.Message{deleted}, unmarked)
	r.b.Expunge("INBOX", deleted.UID)
	r.b.Move("INBOX", r.b.Messages("INBOX")[0].UID, target("Work"))
	r.a.Create("New")
	appendMany(r.a, "New", messages, 3)
	appendMany(r.a, "INBOX", messages, 4)
}

func (k *killers) client(s *dovecot.Server, user string) *imapraw.Client {
	k.t.Helper()
	c := imapraw.Dial(k.t, s.Addr())
	c.Login(user, killPassword)
	return c
}

// begin starts new conversations. cut, if not nil, is called at the point of the round.
func (r *killRound) begin(cut func()) [2]*conversation {
	var both [2]*conversation
	for i, x := range r.taps {
		c := &conversation{stop: [2]int64{-1, -1}, cut: cut}
		if cut != nil && i == r.point.server {
			c.stop[r.point.direction] = r.point.at
		}
		both[i] = x.begin(c)
	}
	return both
}

// kill starts mailmove and kills it at the point of the round. It returns how many lines of
// progress there were, and what was said.
func (r *killRound) kill() (lines int, said [2]*conversation) {
	r.t.Helper()
	connections := []string{"1", "4"}[r.n/2%2]
	cmd := r.move.command("-connections", connections)
	stderr, err := cmd.StderrPipe()
	r.must(err)
	started := make(chan struct{})
	cut := func() {
		<-started
		r.must(cmd.Process.Kill())
	}
	said = r.begin(cut)
	r.must(cmd.Start())
	close(started)
	for scan := bufio.NewScanner(stderr); scan.Scan(); {
		if lines++; r.point.server == 2 && int64(lines) == r.point.at {
			cut()
		}
	}
	_, err = io.Copy(io.Discard, stderr)
	r.must(err)
	err = cmd.Wait()
	r.gone = cmd.ProcessState.ExitCode() == -1
	switch {
	case r.gone && r.point.server >= 0:
		r.figures.Tried++
		r.spread[fmt.Sprintf("%s, %s", []string{"source", "destination", "progress"}[r.point.server], r.point.what)]++
	case err != nil:
		r.wrong("it ended by itself: %v", err)
	}
	return lines, said
}

func (k *killers) must(err error) {
	if err != nil {
		k.t.Error(err)
	}
}

// resume runs mailmove to its end, judges what is there, and runs it once more.
func (r *killRound) resume() {
	r.t.Helper()
	defer r.a.Close()
	defer r.b.Close()
	r.begin(nil)
	if r.lost {
		r.must(os.RemoveAll(filepath.Join(r.move.dir, "state")))
	}
	status, report, stderr := r.move.run()
	if status != 0 || !report.Complete || !report.Closes() || report.Totals.Failed > 0 {
		r.wrong("the run after: status %d, %+v\n%s", status, report, stderr)
	}
	r.judge()
	first := everything(r.b)
	status, report, stderr = r.move.run()
	if status != 0 || !report.Complete || report.Totals.Migrated > 0 {
		r.wrong("another run: status %d, %+v\n%s", status, report.Totals, stderr)
	}
	if !maps.EqualFunc(first, everything(r.b), sameMessages) {
		r.wrong("another run changed the destination")
	}
	if !maps.EqualFunc(r.before, everything(r.a), sameMessages) {
		r.wrong("the source was changed")
	}
}

// judge compares both sides: bytes, flags, keywords and dates.
func (r *killRound) judge() {
	r.t.Helper()
	want, have := map[content]int{}, map[content]int{}
	var folders []string
	for folder, messages := range r.before {
		folders = append(folders, target(folder))
		for _, c := range contents(messages, bytes.Clone) {
			want[c]++
		}
	}
	for _, c := range r.removed {
		want[c]--
	}
	there := everything(r.b)
	for _, messages := range there {
		for _, c := range contents(messages, unmarked) {
			have[c]++
		}
	}
	for c, n := range want {
		r.figures.Lost += max(0, n-have[c])
		r.figures.Duplicated += max(0, have[c]-n)
		if n != have[c] {
			r.t.Errorf("%v: %d times instead of %d: %.60q %s %s", r.point, have[c], n, c.body, c.flags, c.date)
		}
		delete(have, c)
	}
	if len(have) > 0 {
		r.wrong("%d messages of unknown origin or changed", len(have))
	}
	slices.Sort(folders)
	if got := slices.Sorted(maps.Keys(there)); !slices.Equal(got, folders) {
		r.wrong("folders %q, want %q", got, folders)
	}
}

func (r *killRound) wrong(format string, args ...any) {
	r.t.Helper()
	r.figures.Unexplained++
	r.t.Errorf("%v: %s", r.point, fmt.Sprintf(format, args...))
}

// everything returns the messages of all folders.
func everything(c *imapraw.Client) map[string][]imapraw.Message {
	all := map[string][]imapraw.Message{}
	for _, f := range c.Folders() {
		if !slices.ContainsFunc(f.Attributes, func(a string) bool { return strings.EqualFold(a, `\Noselect`) }) {
			all[f.Name] = c.Messages(f.Name)
		}
	}
	return all
}

func sameMessages(a, b []imapraw.Message) bool { return slices.EqualFunc(a, b, sameMessage) }
