package pass

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Job is one pass of a batch: a pair, how to open its mailboxes, and the options.
type Job struct {
	// ID is that of the pair, as Pair.ID. No two jobs of a batch have the same.
	ID string
	// ReverseOf is as Pair.ReverseOf.
	ReverseOf string
	// Open opens both mailboxes when the turn of the job has come; where mailboxes are made on
	// demand, it is the place to ask an endpoint.Provisioner for the destination. RunAll closes what
	// is not nil when the job has ended, also after an error. Required.
	Open func(ctx context.Context) (source, destination *endpoint.Mailbox, err error)
	// Options are those of the pass. Jobs that share an Observer, or another function, call it at
	// the same time. A Pause that they share halts all of them.
	Options Options
	// DryRun plans the pass instead of running it, as Engine.Plan does.
	DryRun bool
}

// Outcome is what became of a job.
type Outcome struct {
	ID string
	// Report is never nil. It is empty and not complete if the job was not begun.
	Report *Report
	// Err is that of Open, Engine.Run or Engine.Plan, or of closing a mailbox. Nil says that the pass
	// came to its end; items may still have failed, as the report says.
	Err error
}

// RunAll runs a pass over each of many pairs, n at a time; 0 means 4. It returns when all of them
// have ended, with their outcomes in the order of the jobs.
//
// One job that fails does not keep the others from running. When the context ends, jobs that run
// stop cleanly after the windows in flight, and no other begins. A job whose Options.StartAt is
// still to come holds its place, but nothing else: its mailboxes are opened then.
//
// The error is nil if every job came to its end. Otherwise it says how many did not, and the
// outcomes say why. With ErrInvalid there are no outcomes: no job was begun, because there is none,
// or because of the fields that the text names, those of all jobs together.
func (e *Engine) RunAll(ctx context.Context, n int, jobs []Job) ([]Outcome, error) {
	if err := validateBatch(n, jobs); err != nil {
		return nil, refuse(fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	outcomes := make([]Outcome, len(jobs))
	turns := make([]int, len(jobs))
	for i := range turns {
		turns[i] = i
	}
	_ = parallel(ctx, cmp.Or(n, 4), turns, func(ctx context.Context, i int) error {
		outcomes[i] = e.runJob(ctx, jobs[i])
		return nil // it is in the outcome, and concerns no other job
	})
	unfinished := 0
	for i := range outcomes {
		if outcomes[i].Report == nil { // its turn did not come
			outcomes[i] = jobs[i].notBegun(ctx.Err())
		}
		if outcomes[i].Err != nil {
			unfinished++
		}
	}
	return outcomes, batchError(ctx, unfinished, len(jobs))
}

// runJob runs one job, once it is time.
func (e *Engine) runJob(ctx context.Context, j Job) Outcome {
	err := ctx.Err()
	if err == nil && !j.DryRun {
		err = awaitStart(ctx, j.Options.StartAt, j.Options.withDefaults().Observer)
	}
	if err != nil {
		return j.notBegun(err)
	}
	source, destination, err := j.Open(ctx)
	if err != nil {
		return j.notBegun(errors.Join(fmt.Errorf("open the mailboxes: %w", err), closeMailboxes(source, destination)))
	}
	run := e.Run
	if j.DryRun {
		run = e.Plan
	}
	report, err := run(ctx, Pair{ID: j.ID, ReverseOf: j.ReverseOf, Source: source, Destination: destination}, j.Options)
	return Outcome{j.ID, report, errors.Join(err, closeMailboxes(source, destination))}
}

func closeMailboxes(mailboxes ...*endpoint.Mailbox) error {
	var errs []error
	for _, m := range mailboxes {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the mailboxes: %w", err)
	}
	return nil
}

// notBegun is the outcome of a job that got no pass, and why.
func (j Job) notBegun(err error) Outcome {
	now := time.Now().UTC()
	return Outcome{j.ID, &Report{
		Pair: j.ID, Kind: j.Options.Kind.String(), DryRun: j.DryRun, Started: now, Finished: now,
		Folders: []FolderReport{}, Failures: []Failure{},
	}, refuse(err)}
}

// batchError says how many jobs did not come to their end, and whether that is because the context
// ended.
func batchError(ctx context.Context, unfinished, jobs int) error {
	if unfinished == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%d of %d jobs did not come to their end: %w", unfinished, jobs, err)
	}
	return fmt.Errorf("%d of %d jobs did not come to their end; their outcomes say why", unfinished, jobs)
}

// validateBatch reports all that is wrong with the jobs of a batch. It names them by their number,
// for an ID may be an address.
func validateBatch(n int, jobs []Job) error {
	var errs []error
	if len(jobs) == 0 {
		errs = append(errs, errors.New("jobs: there are none; select at least one pair"))
	}
	if n < 0 {
		errs = append(errs, fmt.Errorf("n: %d is negative; leave it 0 for the default", n))
	}
	now, first := time.Now(), map[string]int{}
	for i, j := range jobs {
		if err := j.validate(now); err != nil {
			errs = append(errs, fmt.Errorf("jobs[%d]: %w", i, err))
		}
		if before, twice := first[j.ID]; twice {
			errs = append(errs, fmt.Errorf("jobs[%d].ID: it is that of jobs[%d], too; leave out one", i, before))
		} else if j.ID != "" {
			first[j.ID] = i
		}
	}
	return errors.Join(errs...)
}

func (j Job) validate(now time.Time) error {
	later := new(endpoint.Mailbox) // stands for those that Open will return
	errs := []error{Pair{j.ID, later, later, j.ReverseOf}.validate(), j.Options.validate(now)}
	if j.Open == nil {
		errs = append(errs, errors.New("Open: nothing opens the mailboxes"))
	}
	return errors.Join(errs...)
}
