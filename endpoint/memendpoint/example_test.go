package memendpoint_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
)

// A mailbox as a program under test gets it, and the user who changes it meanwhile.
func Example() {
	server := memendpoint.NewServer()
	if err := server.CreateFolder("Work", "2026"); err != nil {
		log.Fatal(err)
	}
	mail := memendpoint.Message{Body: []byte("Subject: lunch\r\n\r\nAt noon?\r\n")}
	if _, err := server.Deliver([]string{"Work", "2026"}, mail); err != nil {
		log.Fatal(err)
	}

	mailbox := server.Open(nil)
	defer func() { _ = mailbox.Close() }()
	ctx := context.Background()
	for folder, err := range mailbox.Folders(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q %d\n", folder.Path, folder.Items)
	}
	fmt.Println("bodies read:", server.Counts().Reads)
	// Output:
	// ["INBOX"] 0
	// ["Work"] 0
	// ["Work" "2026"] 1
	// bodies read: 0
}

// A destination whose answer to the first item is lost: the item is there all the same.
func ExampleQuirks() {
	server := memendpoint.NewServer()
	mailbox := server.Open(&memendpoint.Options{Quirks: memendpoint.Quirks{
		LoseAnswer: func(item int) bool { return item == 1 },
	}})
	ctx := context.Background()
	inbox, err := mailbox.CreateFolder(ctx, endpoint.Folder{Path: []string{"INBOX"}})
	if err != nil {
		log.Fatal(err)
	}
	mail := endpoint.Put{Kind: endpoint.Mail, Content: endpoint.Bytes(endpoint.RFC822, []byte("Subject: lunch\r\n\r\n"))}
	mail.Mark.Types.Source, mail.Mark.Types.Destination = "imap", "mem"
	for result, err := range mailbox.Put(ctx, inbox, []endpoint.Put{mail}) {
		if err != nil {
			fmt.Println("sequence:", endpoint.CodeOf(err))
			break
		}
		fmt.Println("item:", endpoint.CodeOf(result.Err))
	}
	fmt.Println("there:", len(server.Messages("INBOX")))
	// Output:
	// item: in-doubt
	// sequence: unavailable
	// there: 1
}

// A folder whose references all become void, as when a server is restored from a backup.
func ExampleServer_ChangeValidity() {
	server := memendpoint.NewServer()
	mailbox := server.Open(nil)
	ctx := context.Background()
	inbox, err := mailbox.CreateFolder(ctx, endpoint.Folder{Path: []string{"INBOX"}})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.ChangeValidity("INBOX"); err != nil {
		log.Fatal(err)
	}
	for _, err := range mailbox.List(ctx, inbox, "") {
		fmt.Println(err)
	}
	// Output:
	// mem list: stale reference: list the folders anew
}

// The user changes an event, which a listing since the state before shows.
func ExampleServer_Update() {
	server := memendpoint.NewServer()
	event := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:lunch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	ref, err := server.Deliver([]string{"INBOX"}, memendpoint.Message{Kind: endpoint.Event, Body: []byte(event)})
	if err != nil {
		log.Fatal(err)
	}
	mailbox := server.Open(nil)
	ctx := context.Background()
	for folder, err := range mailbox.Folders(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if err := server.Update(folder.Path, ref, []byte(strings.Replace(event, "lunch", "dinner", 1))); err != nil {
			log.Fatal(err)
		}
		for item, err := range mailbox.List(ctx, folder, folder.State) {
			fmt.Println(item.Ref == ref, "version", item.Version, err)
		}
	}
	// Output:
	// true version 1 <nil>
}
