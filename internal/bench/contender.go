package main

import (
	"context"
	"time"

	"github.com/dandyroll/dandyroll/pass"
)

// job is a mailbox to be copied.
type job struct {
	source, destination string // host and port of the servers
	from, to            string // users
	state               string // directory for what a program remembers; it need not exist
}

// usage is what one run took.
type usage struct {
	took   time.Duration
	cpu    time.Duration // of the program itself; 0 if not known
	peak   int64         // greatest resident memory in bytes; 0 if not known
	report *pass.Report  // of mailmove only
}

// contender is somebody who copies mailboxes.
type contender struct {
	name string
	mark string // the name of the header field that it adds
	copy func(context.Context, job) (usage, error)
}

func (w *world) mailmoveContender() contender {
	run := w.runMailmove
	if w.mailmove == "" {
		run = w.runLibrary
	}
	return contender{"mailmove", "X-Dandyroll", run}
}

func mbsyncContender() contender { return contender{"mbsync", "X-TUID", runMbsync} }

func rawContender() contender {
	return contender{"raw sockets", "", func(ctx context.Context, j job) (usage, error) {
		began, before := time.Now(), ownTime()
		err := rawCopy(ctx, j, rawPairs)
		return usage{took: time.Since(began), cpu: ownTime() - before}, err
	}}
}
