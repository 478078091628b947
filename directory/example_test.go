package directory_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/dandyroll/dandyroll/directory"
	"github.com/dandyroll/dandyroll/endpoint"
)

// A company gets a new domain. One colleague gets a new address as well, which the list says, and one
// does not move.
func Example() {
	list, err := directory.ReadList(strings.NewReader("source,destination\nbob@old.example,robert@new.example\ntest@old.example,\n"))
	if err != nil {
		log.Fatal(err)
	}
	source := []endpoint.Account{{Address: "ann@old.example"}, {Address: "bob@old.example"}, {Address: "test@old.example"}, {Address: "zoe@old.example"}}
	destination := []endpoint.Account{{Address: "ann@new.example"}, {Address: "robert@new.example"}}
	pairing, err := directory.Match(source, destination, directory.Options{
		List:  list,
		Rules: []directory.Rule{directory.ReplaceDomain("old.example", "new.example")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range pairing.Pairs {
		fmt.Println(p.Source.Address, "to", p.Destination.Address, "by", p.By)
	}
	fmt.Println("nowhere to go:", pairing.Unmatched[0].Address)
	// Output:
	// ann@old.example to ann@new.example by rule
	// bob@old.example to robert@new.example by list
	// nowhere to go: zoe@old.example
}

// Where two accounts fit, nothing is paired. The problems have the addresses, the error has not.
func ExampleMatch_ambiguous() {
	source := []endpoint.Account{{Address: "ann@old.example", DisplayName: "Ann Lee"}}
	destination := []endpoint.Account{{Address: "ann@new.example", DisplayName: "Ann Lee"}, {Address: "lee@new.example", DisplayName: "ann lee"}}
	_, err := directory.Match(source, destination, directory.Options{DisplayNames: true})
	fmt.Println(err)
	// Output:
	// accounts were not paired, problems: 1
	// by display name, the account fits 2 of the destination; say in the list where it goes
}
