package endpoint_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// An error tells what failed, of which kind, and what to do, to programs and to people.
func ExampleError() {
	var err error = &endpoint.Error{
		Op: "put", Driver: "imap", Code: endpoint.Throttled, RetryAfter: time.Minute,
		Err: errors.New("the server asks for a pause"),
	}
	fmt.Println(err)
	fmt.Println(errors.Is(err, endpoint.ErrThrottled), endpoint.CodeOf(err), endpoint.RetryAfterOf(err))
	// Output:
	// imap put: throttled: the server asks for a pause
	// true throttled 1m0s
}

// What goes from a mailbox with a format of its own to one that knows only the portable one.
func ExampleCapabilities_Offers() {
	source := endpoint.Capabilities{Read: map[endpoint.Kind][]endpoint.Format{
		endpoint.Mail: {"application/vnd.ms-outlook", endpoint.RFC822},
	}}
	destination := endpoint.Capabilities{Write: map[endpoint.Kind][]endpoint.Format{
		endpoint.Mail: {endpoint.RFC822},
	}}
	fmt.Println(source.Offers(endpoint.Mail, destination))
	fmt.Println(source.Offers(endpoint.Contact, destination))
	// Output:
	// [message/rfc822]
	// []
}

// A body that arrives once and is read twice; beyond 1 KiB it would go to a temporary file.
func ExampleSpool() {
	body := "Subject: lunch\r\n\r\nAt noon?\r\n"
	content, err := endpoint.Spool(strings.NewReader(body), endpoint.RFC822, int64(len(body)), 1<<10, "")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = content.Close() }()
	for range 2 {
		r, err := content.Open()
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", text)
	}
	_, err = endpoint.Spool(strings.NewReader(body), endpoint.RFC822, 1<<20, 1<<20, "")
	fmt.Println(errors.Is(err, io.ErrUnexpectedEOF))
	// Output:
	// "Subject: lunch\r\n\r\nAt noon?\r\n"
	// "Subject: lunch\r\n\r\nAt noon?\r\n"
	// true
}
