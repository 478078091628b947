// Package endpointtest proves that an endpoint.Driver keeps the clauses of package endpoint.
//
// An author of an endpoint runs it from a test of his own:
//
//	func TestConformance(t *testing.T) {
//		endpointtest.Run(t, endpointtest.Config{
//			New: func(t testing.TB) endpointtest.Fixture { return newFixture(t) },
//		})
//	}
//
// A [Fixture] is a mailbox on a real or pretended server, and another client of it, through whose
// eyes the suite sees what the driver did; it may be a [Changer] and an [Expirer] as well. The names, bodies, flags and dates that an attacker
// would choose are exported, for use in other tests.
package endpointtest

import (
	"slices"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Config says how to test a driver.
type Config struct {
	// New returns a mailbox that no other case uses. It holds no mail, and no folder but those that
	// a new mailbox has. Required.
	New func(t testing.TB) Fixture
	// Around runs one case; nil just calls it. It is the place for t.Parallel, or for
	// synctest.Test, without which a Capabilities.Visibility is waited out in real time.
	Around func(t *testing.T, test func(t *testing.T))
	// Breaks are what the server behind the fixture, and not the driver, is known to do wrongly:
	// names of hostile bodies, which are left out, and of cases, which are skipped.
	Breaks []string
}

// Fixture is a mailbox and another client that uses it. Its methods end the test where they fail.
// Paths, flags and bodies that the suite gives to this client are harmless, unless said otherwise.
type Fixture interface {
	// Open opens a new session of the driver on the mailbox. The suite closes it.
	Open() *endpoint.Mailbox
	// CreateFolder makes a folder; its parent exists.
	CreateFolder(path ...string)
	// Deliver puts an item into a folder as it is, without a mark, and returns the Ref that the
	// driver gives to it, or "" where the server takes no such body, which may be hostile.
	Deliver(path []string, m Message) (ref string)
	// Messages returns the items of a folder in the order in which they came, and changes nothing.
	Messages(path []string) []Message
	// Delete removes an item for good.
	Delete(path []string, ref string)
	// Move moves an item to another folder.
	Move(from []string, ref string, to []string)
	// Rename gives a folder another path. It returns false where that cannot be.
	Rename(from, to []string) bool
	// ChangeValidity makes all references of a folder void, and returns false where that cannot be.
	ChangeValidity(path []string) bool
	// Secrets are texts that must not appear in any error: passwords, tokens, addresses.
	Secrets() []string
}

// Message is an item as another client sees it.
type Message struct {
	Ref      string // set by Messages
	Body     []byte
	Flags    []endpoint.Flag // without \Recent
	Received time.Time
}

// clause is one case of the suite.
type clause struct {
	number, name string
	rule         string // what a driver that fails has broken
	test         func(*scene)
}

// clauses returns all cases, in the order of their numbers.
func clauses() []clause {
	var all []clause
	for _, part := range [][]clause{
		folderClauses(), listClauses(), identityClauses(), readClauses(), putClauses(),
		hostileClauses(), sessionClauses(), deniedClauses(), deleteClauses(), flagClauses(),
		findClauses(), versionClauses(), outlineClauses(),
	} {
		all = append(all, part...)
	}
	return all
}

// Run runs one subtest for each case, named after its clause, such as "E07/ListSinceState". What
// the capabilities of the driver, or the fixture, exclude is skipped, with the reason; that the
// driver refuses it is a case of its own.
func Run(t *testing.T, c Config) {
	around := c.Around
	if around == nil {
		around = func(t *testing.T, test func(*testing.T)) { test(t) }
	}
	for _, cl := range clauses() {
		name := cl.number + "/" + cl.name
		t.Run(name, func(t *testing.T) {
			if slices.Contains(c.Breaks, name) {
				t.Skip("Config.Breaks says that the server behind the fixture breaks this clause")
			}
			around(t, func(t *testing.T) {
				defer func() {
					if t.Failed() {
						t.Logf("%s: %s", cl.number, cl.rule)
					}
				}()
				cl.test(newScene(t, c))
			})
		})
	}
}
