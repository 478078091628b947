package endpoint

import (
	"context"
	"iter"
)

// Account is a mailbox as the directory of its organisation knows it. All of it is personal data.
type Account struct {
	// Address is the primary address. Never empty.
	Address string
	// Aliases are further addresses under which mail arrives here.
	Aliases []string
	// DisplayName is for people to read; it may be empty, and several accounts may share one.
	DisplayName string
}

// Directory lists the mailboxes of an organisation. Drivers whose protocol knows of more than one
// mailbox bring one; package directory pairs what two of them list.
type Directory interface {
	// Accounts yields every account once, in an order that is the same every time, then at most one
	// error, last. A complete list or an error: an account that could not be looked at is never left
	// out. It can be ranged over once.
	Accounts(ctx context.Context) iter.Seq2[Account, error]
}

// Provisioner makes mailboxes ready to be written to. Nothing calls it unless a program does, before
// it opens the mailbox: it may cost money.
//
// Both methods are idempotent: asking again for what is there already changes nothing and is no
// error, also after an answer was lost. They are safe for concurrent use. An address that the
// organisation does not know, or may not have, is NotFound or Denied.
type Provisioner interface {
	// EnsureMailbox returns once the account has a mailbox that can be opened, making one if there is
	// none. It changes nothing about one that exists.
	EnsureMailbox(ctx context.Context, address string) error
	// AssignLicence gives the account the named licence, and takes none away. It fails with OverQuota
	// if none is left.
	AssignLicence(ctx context.Context, address, licence string) error
}
