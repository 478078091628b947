package pass_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// Many mailboxes, two at a time. Sessions are opened when the turn of a job has come.
func ExampleEngine_RunAll() {
	engine, err := pass.New(pass.Config{Store: memstore.New(), Key: watermark.NewKey()})
	if err != nil {
		log.Fatal(err)
	}
	var jobs []pass.Job
	for _, user := range []string{"ann", "bob", "cyd"} {
		source, destination := memendpoint.NewServer(), memendpoint.NewServer()
		deliver(source, "welcome")
		jobs = append(jobs, pass.Job{
			ID: user,
			Open: func(context.Context) (*endpoint.Mailbox, *endpoint.Mailbox, error) {
				if user == "bob" {
					return nil, nil, endpoint.Errorf(endpoint.Unauthenticated, "the password has expired")
				}
				return source.Open(nil), destination.Open(nil), nil
			},
		})
	}
	outcomes, err := engine.RunAll(context.Background(), 2, jobs)
	for _, o := range outcomes {
		fmt.Println(o.ID, o.Report.Totals.Migrated, o.Err)
	}
	fmt.Println(err)
	// Output:
	// ann 1 <nil>
	// bob 0 pass refused, nothing was written: open the mailboxes: credentials refused: the password has expired
	// cyd 1 <nil>
	// 1 of 3 jobs did not come to their end; their outcomes say why
}
