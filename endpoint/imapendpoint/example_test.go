package imapendpoint_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/imapserve"
)

// Open a mailbox and list what is in it. A real server needs no Security: TLS is the default.
func ExampleOpen() {
	ctx := context.Background()
	server, err := imapserve.Start(imapserve.Config{Username: "ann", Password: "secret"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	letter := imapserve.Message{Bytes: []byte("Subject: Hello\r\n\r\nHow are you?\r\n")}
	if err := server.Deliver(ctx, "INBOX", letter); err != nil {
		log.Fatal(err)
	}

	mailbox, err := imapendpoint.Open(ctx, imapendpoint.Config{
		Addr: server.Addr(), Security: imapendpoint.Plaintext, Username: "ann", Password: "secret",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = mailbox.Close() }()
	for folder, err := range mailbox.Folders(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(folder.Path, folder.Items)
		for item, err := range mailbox.List(ctx, folder, "") {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(item.Kind, item.Ref, item.Size, "bytes")
		}
	}
	// Output:
	// [INBOX] 1
	// mail 1 32 bytes
}
