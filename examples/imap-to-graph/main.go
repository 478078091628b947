// Imap-to-graph migrates one mailbox from an IMAP server to Microsoft 365. Run it again at any time: it moves what is new.
//
//	IMAP_PASSWORD=… AZURE_TENANT_ID=… AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=… \
//	    go run ./examples/imap-to-graph -imap old.example -user ann -to ann@new.example
//
// It is to be copied. The README beside it says which permissions it needs; mailmove is the program with all the options.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

func main() {
	m, err := configure()
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = m.run(ctx, os.Stdout)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "imap-to-graph:", err)
		os.Exit(1)
	}
}

// migration is one mailbox that moves.
type migration struct {
	from  imapendpoint.Config
	to    graphendpoint.Config
	state string // the directory of the database
	key   string // the file of the watermark key
}

// configure reads the arguments and, for all that is secret, the environment.
func configure() (migration, error) {
	var m migration
	flag.StringVar(&m.from.Addr, "imap", "", "the IMAP `server`, with TLS: host or host:port")
	flag.StringVar(&m.from.Username, "user", "", "the `name` to log in with there")
	flag.StringVar(&m.to.User, "to", "", "the mailbox in Microsoft 365: its `principal name`")
	flag.StringVar(&m.to.Root, "graph-url", "", "another `service`, of a national cloud, such as https://graph.microsoft.us/v1.0")
	flag.StringVar(&m.state, "state", "state", "the `directory` of the database, made on first use")
	flag.StringVar(&m.key, "key", "watermark.key", "the `file` of the key, made on first use; keep a copy")
	flag.Parse()
	m.from.Password = os.Getenv("IMAP_PASSWORD")
	// What comes from IMAP is mail, so no more permission is asked for.
	m.to.Kinds = []endpoint.Kind{endpoint.Mail}
	// AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH; in a national cloud AZURE_AUTHORITY_HOST.
	credential, err := azidentity.NewEnvironmentCredential(nil)
	if err != nil {
		return m, err
	}
	m.to.Credential = credential
	return m, nil
}

// run opens both mailboxes and the database.
func (m migration) run(ctx context.Context, out io.Writer) (err error) {
	source, err := imapendpoint.Open(ctx, m.from)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer func() { _ = source.Close() }() // nothing is lost where a server does not say goodbye
	destination, err := graphendpoint.Open(ctx, m.to)
	if err != nil {
		return fmt.Errorf("destination: %w", err)
	}
	defer func() { _ = destination.Close() }()

	key, err := watermark.LoadOrCreateKey(m.key)
	if err != nil {
		return err
	}
	db, err := badgerstore.Open(m.state, &badgerstore.Options{Key: key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	engine, err := pass.New(pass.Config{Store: db, Key: key})
	if err != nil {
		return err
	}
	// The ID is what the migration is known by for ever. Here it is the name of the destination.
	return migrate(ctx, engine, pass.Pair{ID: m.to.User, Source: source, Destination: destination}, out)
}

// migrate says what cannot be carried over, and then moves what is new.
func migrate(ctx context.Context, engine *pass.Engine, pair pass.Pair, out io.Writer) error {
	preflight, err := engine.Check(ctx, pair, pass.Options{})
	if err != nil {
		return err // wrong credentials and missing permissions show here, before anything is written
	}
	for _, loss := range preflight.Losses {
		_, _ = fmt.Fprintln(out, "cannot be carried over:", loss)
	}
	report, err := engine.Run(ctx, pair, pass.Options{})
	if report != nil {
		_, _ = fmt.Fprint(out, report)
	}
	switch {
	case err != nil:
		return err
	case !report.Complete:
		return errors.New("the pass was cut; run it again to go on")
	case len(report.Failures) > 0:
		return fmt.Errorf("%d items or folders failed; run it again to try them again", len(report.Failures))
	}
	return nil
}
