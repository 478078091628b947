package dandyroll_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// A mailbox is migrated; then only what is new; then, after a reset, what the user had deleted.
// Mailboxes and database are in memory here.
func Example() {
	ctx := context.Background()
	inbox := []string{"INBOX"}
	old, fresh := memendpoint.NewServer(), memendpoint.NewServer()
	deliver := func(subject string) {
		if _, err := old.Deliver(inbox, memendpoint.Message{
			Body: []byte("Subject: " + subject + "\r\n\r\nHello.\r\n"),
		}); err != nil {
			log.Fatal(err)
		}
	}
	deliver("one")
	deliver("two")

	db := memstore.New()
	engine, err := pass.New(pass.Config{Store: db, Key: watermark.NewKey()})
	if err != nil {
		log.Fatal(err)
	}
	pair := pass.Pair{
		ID:          "ann",
		Source:      old.Open(&memendpoint.Options{Account: "ann at the old server"}),
		Destination: fresh.Open(&memendpoint.Options{Account: "ann at the new server"}),
	}
	run := func(when string) {
		report, err := engine.Run(ctx, pair, pass.Options{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s pass, %d migrated, %d already there, %d removed by the user\n", when,
			report.Kind, report.Totals.Migrated, report.Totals.Already, report.Totals.RemovedAtDestination)
	}

	run("at first")
	deliver("three")
	run("after new mail")

	// The user of the new mailbox deletes the oldest mail. It stays deleted.
	if err := fresh.Delete(inbox, fresh.Messages(inbox...)[0].Ref); err != nil {
		log.Fatal(err)
	}
	run("after a delete")

	// Unless the pair is reset: then it comes back, and nothing else.
	forgotten, err := db.Reset(ctx, pair.ID, store.ResetAll, false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("reset: %d records forgotten, %d of items removed by the user\n", forgotten.Records, forgotten.Removed)
	run("after a reset")

	// Output:
	// at first: full pass, 2 migrated, 0 already there, 0 removed by the user
	// after new mail: delta pass, 1 migrated, 2 already there, 0 removed by the user
	// after a delete: delta pass, 0 migrated, 2 already there, 1 removed by the user
	// reset: 3 records forgotten, 1 of items removed by the user
	// after a reset: delta pass, 1 migrated, 2 already there, 0 removed by the user
}
