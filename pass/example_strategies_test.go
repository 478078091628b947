package pass_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// Old mail goes in the background, weeks before the switch. The full pass brings the rest, and only
// the rest.
func Example_prestageThenFull() {
	ctx := context.Background()
	engine, source, destination := emptyPair()
	now := time.Now()
	deliverAt(source, "long ago", now.AddDate(0, -6, 0))
	deliverAt(source, "last year", now.AddDate(-1, 0, 0))
	deliverAt(source, "yesterday", now.AddDate(0, 0, -1))
	pair := pass.Pair{ID: "ann", Source: source.Open(nil), Destination: destination.Open(nil)}

	for _, options := range []pass.Options{
		{Kind: pass.PreStage, PreStage: pass.PreStaging{Age: 90 * 24 * time.Hour}},
		{Kind: pass.Full},
	} {
		report, err := engine.Run(ctx, pair, options)
		if err != nil {
			log.Fatal(err)
		}
		ready, reasons := report.Ready()
		t := report.Totals
		fmt.Printf("%s: %d migrated, %d already, %d left out; ready: %v %q\n",
			report.Kind, t.Migrated, t.Already, t.OutOfWindow, ready, reasons)
	}
	// Output:
	// prestage: 2 migrated, 0 already, 1 left out; ready: false ["a prestage pass does not migrate everything; run a full or delta pass"]
	// full: 1 migrated, 2 already, 0 left out; ready: true []
}

// Without a policy, a delta pass leaves alone what was migrated. With OnFlags it carries over what
// was read since, and with OnDelete what was deleted.
func Example_policies() {
	ctx := context.Background()
	engine, source, destination := emptyPair()
	for _, subject := range []string{"one", "two", "three", "four"} {
		deliver(source, subject)
	}
	pair := pass.Pair{ID: "ann", Source: source.Open(nil), Destination: destination.Open(nil)}
	if _, err := engine.Run(ctx, pair, pass.Options{}); err != nil {
		log.Fatal(err)
	}

	mails := source.Messages("INBOX")
	if err := source.SetFlags([]string{"INBOX"}, mails[0].Ref, endpoint.Seen); err != nil {
		log.Fatal(err)
	}
	if err := source.Delete([]string{"INBOX"}, mails[1].Ref); err != nil {
		log.Fatal(err)
	}
	for _, policy := range []pass.Policy{{}, {OnFlags: pass.MergeFlags, OnDelete: pass.RemoveDeleted}} {
		report, err := engine.Run(ctx, pair, pass.Options{Policies: pass.ForAllKinds(policy)})
		if err != nil {
			log.Fatal(err)
		}
		t := report.Totals
		fmt.Println(t.Already, "already,", t.Merged, "merged,", t.Removed, "removed,", len(destination.Messages("INBOX")), "there")
	}
	// Output:
	// 3 already, 0 merged, 0 removed, 4 there
	// 3 already, 1 merged, 1 removed, 3 there
}

// emptyPair returns an engine and two mailboxes without mail.
func emptyPair() (engine *pass.Engine, source, destination *memendpoint.Server) {
	engine, err := pass.New(pass.Config{Store: memstore.New(), Key: watermark.NewKey()})
	if err != nil {
		log.Fatal(err)
	}
	return engine, memendpoint.NewServer(), memendpoint.NewServer()
}

func deliverAt(s *memendpoint.Server, subject string, received time.Time) {
	body := "Subject: " + subject + "\r\n\r\nHello.\r\n"
	if _, err := s.Deliver([]string{"INBOX"}, memendpoint.Message{Body: []byte(body), Received: received}); err != nil {
		log.Fatal(err)
	}
}
