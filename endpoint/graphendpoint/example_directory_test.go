package graphendpoint_test

import (
	"context"
	"fmt"
	"log"

	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// A user of the old organisation gets a mailbox in the new one. A program would give a credential of package azidentity, and leave Root
// out; this one talks to a fake of the service.
func ExampleDirectory() {
	service := graphserve.New(graphserve.Config{})
	defer service.Close()
	service.AddSKU("4b9405b0-7788-4568-add1-99614e613b69", "EXCHANGESTANDARD", 10)

	directory, err := graphendpoint.OpenDirectory(graphendpoint.DirectoryConfig{
		Credential: graphendpoint.Token(graphserve.DefaultToken), Root: service.URL(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = directory.Close() }()

	ctx := context.Background()
	if err := provision(ctx, directory, "ann@new.example"); err != nil {
		log.Fatal(err)
	}
	for account, err := range directory.Accounts(ctx) {
		fmt.Println(account.DisplayName, account.Address, err)
	}
	// Output:
	// Ann ann@new.example <nil>
}

// provision may be called again at any time: what was done is not done twice.
func provision(ctx context.Context, directory *graphendpoint.Directory, address string) error {
	_, err := directory.CreateUser(ctx, graphendpoint.NewUser{
		Address: address, DisplayName: "Ann", UsageLocation: "DE", Password: "told her in person",
	})
	if err != nil {
		return err
	}
	if err := directory.AssignLicence(ctx, address, "EXCHANGESTANDARD"); err != nil {
		return err
	}
	// With a deadline, for this may take a day.
	return directory.EnsureMailbox(ctx, address)
}
