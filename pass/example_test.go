package pass_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// A second pass moves only what came since the first, and respects what the user did meanwhile.
func Example() {
	ctx := context.Background()
	source, destination := memendpoint.NewServer(), memendpoint.NewServer()
	for _, subject := range []string{"one", "two", "three"} {
		deliver(source, subject)
	}
	engine, err := pass.New(pass.Config{Store: memstore.New(), Key: watermark.NewKey()})
	if err != nil {
		log.Fatal(err)
	}
	pair := pass.Pair{
		ID:          "ann",
		Source:      source.Open(&memendpoint.Options{Account: "ann@old.example", ReadOnly: true}),
		Destination: destination.Open(&memendpoint.Options{Account: "ann@new.example"}),
	}

	first, err := engine.Run(ctx, pair, pass.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("first:", first.Totals.Migrated, "migrated")

	deliver(source, "four")
	if err := destination.Delete([]string{"INBOX"}, destination.Messages("INBOX")[0].Ref); err != nil {
		log.Fatal(err)
	}
	second, err := engine.Run(ctx, pair, pass.Options{})
	if err != nil {
		log.Fatal(err)
	}
	t := second.Totals
	fmt.Println("second:", t.Migrated, "migrated,", t.Already, "there,", t.RemovedAtDestination, "removed by the user")
	// Output:
	// first: 3 migrated
	// second: 1 migrated, 2 there, 1 removed by the user
}

func deliver(s *memendpoint.Server, subject string) {
	body := "Subject: " + subject + "\r\n\r\nHello.\r\n"
	if _, err := s.Deliver([]string{"INBOX"}, memendpoint.Message{Body: []byte(body)}); err != nil {
		log.Fatal(err)
	}
}

// Plan tells what Run would do, and writes nothing.
func ExampleEngine_Plan() {
	ctx := context.Background()
	source, destination := memendpoint.NewServer(), memendpoint.NewServer()
	deliver(source, "one")
	engine, err := pass.New(pass.Config{Store: memstore.New(), Key: watermark.NewKey()})
	if err != nil {
		log.Fatal(err)
	}
	report, err := engine.Plan(ctx, pass.Pair{
		ID:          "ann",
		Source:      source.Open(&memendpoint.Options{Account: "ann@old.example"}),
		Destination: destination.Open(&memendpoint.Options{Account: "ann@new.example"}),
	}, pass.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Totals.Migrated, "would be migrated,", len(destination.Messages("INBOX")), "written")
	// Output: 1 would be migrated, 0 written
}
