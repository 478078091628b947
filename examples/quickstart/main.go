// Quickstart tells what Dandyroll does, on two IMAP servers that it starts in its own process:
//
//	go run ./examples/quickstart
//
// Each chapter states what is to happen, does it, and checks that it did; the exit status is 1 if
// one did not. The chapters are in this file and the mail is in mailbox.go; steps.go does what the
// chapters say, and checks.go looks at what came of it.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s := newStory(ctx, os.Stdout)
	s.tell()
	s.close()
	cancel()
	if s.err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", s.err)
		os.Exit(1)
	}
}

// tell goes through the chapters. Once something went wrong, the rest does nothing.
func (s *story) tell() {
	s.deliver(oldMailbox()...)
	s.connect()
	n := len(oldMailbox())

	s.chapter("The first pass migrates everything",
		"Both twins arrive, and so do a message without a Message-ID, one with a raw 8-bit subject, and",
		"one with a forged mark, which its sender made up to keep it from being migrated.")
	s.run(pass.Counts{Listed: n, Migrated: n})
	s.everyMessageArrivedUnchanged()

	s.chapter("A second pass finds nothing to do",
		"The marks at the destination and the records in the database both say so.")
	s.run(pass.Counts{Listed: n, Already: n})

	s.chapter("New mail arrives at the old server",
		"One of the two new messages bears a real mark, copied from a message that was migrated. A mark",
		"says which item it is for, so this one protects no other.")
	s.deliver(newMail(s.aRealMark())...)
	n += 2
	s.run(pass.Counts{Listed: n, Migrated: 2, Already: n - 2})

	s.chapter("The user tidies up at the new server",
		"She deletes the newsletter and moves the invoice. The former stays deleted, and the latter is",
		"found by its mark wherever it is.")
	s.userDeletes("INBOX", newsletter)
	s.userMoves("INBOX", "Archive", invoice)
	s.run(pass.Counts{Listed: n, Already: n - 1, RemovedAtDestination: 1})
	s.copiesAtDestination(newsletter, 0)
	s.copiesAtDestination(invoice, 1)

	s.chapter("The database is lost",
		"The marks are enough: nothing is migrated twice, and the records are made anew. Only what the",
		"user deleted comes back, because nothing but the database knew of it.")
	s.loseDatabase()
	s.run(pass.Counts{Listed: n, Migrated: 1, Already: n - 1, Healed: n - 1})
	s.copiesAtDestination(newsletter, 1)
	s.copiesAtDestination(invoice, 1)

	s.chapter("A folder is reset",
		"The user deletes the newsletter again, and the plan below Projects. After a reset of that folder",
		"the plan comes back. The newsletter does not, and what is still there is not duplicated.")
	s.userDeletes("INBOX", newsletter)
	s.userDeletes(projects, plan)
	s.run(pass.Counts{Listed: n, Already: n - 2, RemovedAtDestination: 2})
	s.reset(store.Filter{Folders: []string{store.FolderKey([]string{"Projects", "2024"})}})
	s.run(pass.Counts{Listed: n, Migrated: 1, Already: n - 2, Healed: inProjects - 1, RemovedAtDestination: 1})
	s.copiesAtDestination(newsletter, 0)
	s.copiesAtDestination(plan, 1)

	s.chapter("The destination becomes an endpoint of another type",
		"The types are part of every mark. All marks and records of the old types are void, which is",
		"announced before anything is written, and everything is migrated again.")
	other := memendpoint.NewServer()
	s.destination = other.Open(&memendpoint.Options{Account: "ann"})
	s.run(pass.Counts{Listed: n, Migrated: n, Voided: n})
	s.arrived(other, n)
}

// connect opens what a program needs: the key, the database and both mailboxes.
func (s *story) connect() {
	s.openKey(filepath.Join(s.dir, "config", "watermark.key"))
	s.openDatabase(filepath.Join(s.dir, "state"))
	s.source = s.openMailbox(s.old)
	s.destination = s.openMailbox(s.fresh)
}

func credentials() imapserve.Config { return imapserve.Config{Username: "ann", Password: "secret"} }
