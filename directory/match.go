package directory

import (
	"context"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Options say what Match goes by. The zero value goes by equal addresses and aliases alone.
type Options struct {
	// List is what the caller decided. It comes before everything else.
	List []Entry
	// Rules name the destination for an address. All of them are asked.
	Rules []Rule
	// DisplayNames pairs by display name the accounts for which nothing else is known. Names compare
	// without regard to case and to the amount of white space. It is the weakest evidence: look
	// through the pairs that were found ByDisplayName.
	DisplayNames bool
}

// Rule names the address at the destination for the primary address of an account of the source. It
// returns "" if it has nothing to say. An address that no account has is passed over.
type Rule func(address string) string

// ReplaceDomain returns the Rule that puts one domain in the place of another.
func ReplaceDomain(from, to string) Rule {
	return func(address string) string {
		at := strings.LastIndexByte(address, '@')
		if at < 0 || fold(address[at+1:]) != fold(from) {
			return ""
		}
		return address[:at+1] + to
	}
}

// Evidence is by what a pair was found.
type Evidence uint8

// The kinds of evidence, best first.
const (
	ByList Evidence = iota + 1
	ByRule
	ByAddress
	ByDisplayName
)

// String returns "list", "rule", "address" or "display name".
func (e Evidence) String() string {
	switch e {
	case ByList:
		return "list"
	case ByRule:
		return "rule"
	case ByAddress:
		return "address"
	case ByDisplayName:
		return "display name"
	}
	return "unknown"
}

// Pair is an account and where its mailbox goes.
type Pair struct {
	Source, Destination endpoint.Account
	By                  Evidence
}

// Pairing is where the mailboxes of an organisation go. Each account of the source is in exactly one
// of Pairs, Unmatched and LeftOut, and each of the destination in exactly one of Pairs and Unused;
// all are in the order in which they were given.
type Pairing struct {
	Pairs []Pair
	// Unmatched are accounts of the source for which nothing names a destination.
	Unmatched []endpoint.Account
	// LeftOut are those that the list leaves out.
	LeftOut []endpoint.Account
	// Unused are accounts of the destination to which nothing goes.
	Unused []endpoint.Account
}

// Match pairs the accounts of a source with those of a destination. It fails with an *Error that has
// all problems, and then pairs nothing.
func Match(source, destination []endpoint.Account, o Options) (*Pairing, error) {
	m := newMatcher(source, destination, o)
	m.readList(o.List)
	for s := range source {
		m.match(s)
	}
	m.findCollisions()
	if len(m.problems) > 0 {
		return nil, &Error{m.problems}
	}
	return m.pairing(), nil
}

// Collect lists all accounts of a directory.
func Collect(ctx context.Context, d endpoint.Directory) ([]endpoint.Account, error) {
	var accounts []endpoint.Account
	for a, err := range d.Accounts(ctx) {
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}
