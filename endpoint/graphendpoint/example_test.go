package graphendpoint_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// Open a mailbox and list what is in it. A program would give a credential of package azidentity, and leave Root out; this one talks to
// a fake of the service.
func ExampleOpen() {
	service := graphserve.New(graphserve.Config{})
	defer service.Close()
	ann := service.AddMailbox("ann@new.example", "Ann")
	if _, err := ann.Deliver("inbox", []byte("Subject: Hello\r\n\r\nHow are you?\r\n"), graphserve.Delivery{}); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	mailbox, err := graphendpoint.Open(ctx, graphendpoint.Config{
		User: "ann@new.example", Credential: graphendpoint.Token(graphserve.DefaultToken), Root: service.URL(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = mailbox.Close() }()
	for folder, err := range mailbox.Folders(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		for item, err := range mailbox.List(ctx, folder, "") {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("a", item.Kind, "in", folder.Path)
		}
		if folder.Role == endpoint.Inbox || folder.Role == endpoint.DefaultCalendar {
			fmt.Println(folder.Path, folder.Role)
		}
	}
	// Output:
	// a mail in [INBOX]
	// [INBOX] inbox
	// [[Calendars] Calendar] calendar
}

// A program that moves mail needs no permission for anything else.
func ExampleOpen_mailOnly() {
	service := graphserve.New(graphserve.Config{})
	defer service.Close()
	service.AddMailbox("ann@new.example", "Ann")

	ctx := context.Background()
	mailbox, err := graphendpoint.Open(ctx, graphendpoint.Config{
		User: "ann@new.example", Credential: graphendpoint.Token(graphserve.DefaultToken), Root: service.URL(),
		Kinds: []endpoint.Kind{endpoint.Mail},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = mailbox.Close() }()
	can, err := mailbox.Capabilities(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, loss := range can.WriteLosses[endpoint.RFC822] {
		fmt.Println("not preserved:", loss)
	}
	// Output:
	// not preserved: the structure of the message: Exchange builds it anew from text, recipients and attachments, so signatures break
	// not preserved: alternative texts beside the HTML one
}

// Errors tell by their code what kind of thing is wrong, and some by their value which one.
func ExampleErrNoMailbox() {
	service := graphserve.New(graphserve.Config{})
	defer service.Close()
	service.AddUser("bob@new.example", nil)

	ctx := context.Background()
	mailbox, err := graphendpoint.Open(ctx, graphendpoint.Config{
		User: "bob@new.example", Credential: graphendpoint.Token(graphserve.DefaultToken), Root: service.URL(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = mailbox.Close() }()
	_, err = mailbox.Capabilities(ctx)
	fmt.Println(endpoint.CodeOf(err), errors.Is(err, graphendpoint.ErrNoMailbox))
	// Output:
	// denied true
}
