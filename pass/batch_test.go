package pass_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// company is many worlds under one engine, and who has mailboxes open.
type company struct {
	*world // whose engine and store serve all
	users  []*world

	mu     sync.Mutex
	opened []*endpoint.Mailbox
	most   int // mailboxes open at once
}

// newCompany returns users with some mail each.
func newCompany(t *testing.T, users, mails int) *company {
	t.Helper()
	c := &company{world: newWorld(t)}
	for range users {
		u := newWorld(t)
		u.deliver(mails, inbox)
		c.users = append(c.users, u)
	}
	return c
}

// jobs returns one job a user.
func (c *company) jobs(o pass.Options) []pass.Job {
	var jobs []pass.Job
	for i, u := range c.users {
		jobs = append(jobs, pass.Job{ID: fmt.Sprint("user ", i), Open: c.opener(u), Options: o})
	}
	return jobs
}

func (c *company) opener(u *world) func(context.Context) (*endpoint.Mailbox, *endpoint.Mailbox, error) {
	return func(ctx context.Context) (source, destination *endpoint.Mailbox, err error) {
		source, destination = u.src.Open(&u.srcOpts), u.dst.Open(&u.dstOpts)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.opened = append(c.opened, source, destination)
		c.most = max(c.most, c.stillOpen(ctx))
		return source, destination, nil
	}
}

// stillOpen counts the mailboxes that are open.
func (c *company) stillOpen(ctx context.Context) int {
	n := 0
	for _, m := range c.opened {
		if _, err := m.Capabilities(ctx); err == nil {
			n++
		}
	}
	return n
}

// allThere checks that each user has everything once, and that no mailbox is open any more.
func (c *company) allThere() {
	c.t.Helper()
	for _, u := range c.users {
		u.same(inbox)
	}
	if n := c.stillOpen(c.t.Context()); n != 0 {
		c.t.Errorf("%d mailboxes are still open", n)
	}
}

func TestBatchRunsEveryPair(t *testing.T) {
	c := newCompany(t, 7, 5)
	outcomes, err := c.engine().RunAll(t.Context(), 2, c.jobs(pass.Options{}))
	if err != nil || len(outcomes) != 7 {
		t.Fatalf("%d outcomes, error %v", len(outcomes), err)
	}
	for i, o := range outcomes {
		if o.ID != fmt.Sprint("user ", i) || o.Report.Pair != o.ID || o.Err != nil || !o.Report.Complete {
			t.Errorf("outcome %d: %+v", i, o)
		}
		want(t, o.Report, pass.Counts{Listed: 5, Migrated: 5})
	}
	if c.most < 2 || c.most > 4 {
		t.Errorf("%d mailboxes were open at once, for 2 jobs at a time", c.most)
	}
	c.allThere()
}

func TestBatchGoesOnWhereOneJobFails(t *testing.T) {
	c := newCompany(t, 5, 3)
	jobs := c.jobs(pass.Options{})
	refused, left := errors.New("no such user"), c.users[1].src.Open(nil)
	jobs[1].Open = func(context.Context) (source, destination *endpoint.Mailbox, err error) { return left, nil, refused }
	c.users[3].dstOpts.ReadOnly = true
	outcomes, err := c.engine().RunAll(t.Context(), 2, jobs)
	if err == nil || !strings.Contains(err.Error(), "2 of 5 jobs") {
		t.Errorf("error %v", err)
	}
	if o := outcomes[1]; !errors.Is(o.Err, refused) || !errors.Is(o.Err, pass.ErrRefused) || o.Report.Complete || o.Report.Pair != "user 1" {
		t.Errorf("without mailbox: %v, report %+v", o.Err, o.Report)
	}
	if o := outcomes[3]; o.Err == nil || o.Report.Complete {
		t.Errorf("read-only: %v, report %+v", o.Err, o.Report)
	}
	if _, err := left.Capabilities(t.Context()); err == nil {
		t.Error("the source is open, although the destination could not be opened")
	}
	for _, i := range []int{0, 2, 4} {
		want(t, outcomes[i].Report, pass.Counts{Listed: 3, Migrated: 3})
	}
	c.users = []*world{c.users[0], c.users[2], c.users[4]}
	c.allThere()
}

func TestBatchNamesAllThatIsWrong(t *testing.T) {
	c := newCompany(t, 4, 1)
	jobs := c.jobs(pass.Options{})
	jobs[1].ID = jobs[0].ID
	jobs[2].Open, jobs[2].Options.Window, jobs[2].ReverseOf = nil, -1, jobs[2].ID
	jobs[3].ID = ""
	outcomes, err := c.engine().RunAll(t.Context(), -1, jobs)
	if outcomes != nil || !errors.Is(err, pass.ErrInvalid) || !errors.Is(err, pass.ErrRefused) {
		t.Fatalf("%v, error %v", outcomes, err)
	}
	for _, text := range []string{"n: -1", "jobs[1].ID: it is that of jobs[0]", "jobs[2]: Pair.ReverseOf", "Window: -1", "Open: nothing", "jobs[3]: Pair.ID"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in %v", text, err)
		}
	}
	if strings.Contains(err.Error(), "user") {
		t.Errorf("an ID is in %v", err)
	}
	if len(c.opened) > 0 {
		t.Error("a mailbox was opened")
	}
	if _, err := c.engine().RunAll(t.Context(), 0, nil); !errors.Is(err, pass.ErrInvalid) {
		t.Errorf("without jobs: %v", err)
	}
}

func TestBatchStopsCleanly(t *testing.T) {
	c := newCompany(t, 6, 12)
	ctx, cancel := context.WithCancel(t.Context())
	jobs := c.jobs(pass.Options{Window: 4})
	jobs[1].Options.Observer = func(ev pass.Event) {
		if _, ok := ev.(pass.WindowDone); ok {
			cancel()
		}
	}
	outcomes, err := c.engine().RunAll(ctx, 1, jobs)
	if !errors.Is(err, context.Canceled) || len(outcomes) != 6 {
		t.Fatalf("%d outcomes, error %v", len(outcomes), err)
	}
	want(t, outcomes[0].Report, pass.Counts{Listed: 12, Migrated: 12})
	want(t, outcomes[1].Report, pass.Counts{Listed: 12, Migrated: 4, Deferred: 8})
	for i, o := range outcomes[1:] {
		if !errors.Is(o.Err, context.Canceled) || errors.Is(o.Err, pass.ErrRefused) || o.Report.Complete || o.ID != jobs[i+1].ID {
			t.Errorf("outcome %d: %+v", i+1, o)
		}
	}
	if len(c.opened) != 4 {
		t.Errorf("%d mailboxes were opened, for two jobs", len(c.opened))
	}
	if _, err := c.engine().RunAll(t.Context(), 3, c.jobs(pass.Options{})); err != nil {
		t.Error(err)
	}
	c.allThere()
}

func TestBatchOpensMailboxesWhenItIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, 2, 1)
		start := time.Now().Add(time.Hour)
		jobs := c.jobs(pass.Options{StartAt: start})
		var events []pass.Event
		jobs[0].Options.Observer = func(ev pass.Event) { events = append(events, ev) }
		jobs[1].Open = func(ctx context.Context) (source, destination *endpoint.Mailbox, err error) {
			if now := time.Now(); now.Before(start) {
				t.Errorf("opened %v too early", start.Sub(now))
			}
			return c.opener(c.users[1])(ctx)
		}
		if _, err := c.engine().RunAll(t.Context(), 0, jobs); err != nil {
			t.Error(err)
		}
		if n := len(slices.DeleteFunc(events, func(ev pass.Event) bool { return ev != pass.Event(pass.Scheduled{At: start}) })); n != 1 {
			t.Errorf("%d times told of the time", n)
		}
		c.allThere()
	})
}

func TestBatchCancelledBeforeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, 1, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		outcomes, err := c.engine().RunAll(ctx, 0, c.jobs(pass.Options{StartAt: time.Now().Add(time.Hour)}))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(outcomes[0].Err, context.DeadlineExceeded) || len(c.opened) > 0 {
			t.Errorf("error %v, outcome %+v, %d mailboxes opened", err, outcomes[0], len(c.opened))
		}
	})
}

func TestBatchSharesAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, 3, 2)
		var pause pass.Pause
		pause.Hold()
		engine, ended := c.engine(), make(chan error, 1)
		go func() {
			_, err := engine.RunAll(t.Context(), 3, c.jobs(pass.Options{Pause: &pause}))
			ended <- err
		}()
		synctest.Wait()
		for _, u := range c.users {
			if n := len(u.dst.Messages(inbox)); n != 0 {
				t.Errorf("%d items were written during the pause", n)
			}
		}
		pause.Release()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		c.allThere()
	})
}

func TestBatchOfPlansWritesNothing(t *testing.T) {
	c := newCompany(t, 3, 2)
	jobs := c.jobs(pass.Options{})
	for i := range jobs {
		jobs[i].DryRun = true
	}
	outcomes, err := c.engine().RunAll(t.Context(), 0, jobs)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		want(t, o.Report, pass.Counts{Listed: 2, Migrated: 2})
		if !o.Report.DryRun || len(c.users[i].dst.Messages(inbox)) > 0 {
			t.Errorf("outcome %d: %+v", i, o.Report)
		}
	}
}
