package imapendpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapserve"
)

const password = "secret-c0nf0rm"

// maskedCapabilities are those that the driver makes use of and has to live without.
func maskedCapabilities() [][]string {
	return [][]string{
		{"NAMESPACE"},
		{"UIDPLUS", "MOVE"}, // MOVE alone can delete into the trash, and nothing for good
		{"LITERAL+", "LITERAL-"},
		{"CONDSTORE", "QRESYNC"},
		{"SPECIAL-USE"},
		{"MULTIAPPEND"},
		{"ESEARCH", "MOVE"},
		{"LIST-STATUS"},
		{"LIST-EXTENDED", "LIST-STATUS"},
	}
}

// TestConformanceDovecot runs the suite of all endpoints against two layouts of Dovecot: with what
// it offers, without any of it, and without each thing in turn.
//
// Without NAMESPACE, nothing tells a prefix from folders below INBOX, and the driver does not guess:
// the guess, and with it the path of every folder, would change with the next folder that somebody
// makes. So NAMESPACE stays where there is a prefix.
func TestConformanceDovecot(t *testing.T) {
	t.Parallel()
	withoutAny := maskedCapabilities()
	for name, layout := range map[string]struct {
		config dovecot.Config
		masks  [][]string
	}{
		"maildir": {dovecot.Config{Format: "maildir", Separator: ".", Prefix: "INBOX."}, [][]string{nil, slices.Concat(withoutAny[1:]...)}},
		"sdbox":   {dovecot.Config{Format: "sdbox", Separator: "/"}, append([][]string{nil, slices.Concat(withoutAny...)}, withoutAny...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users := startUsers(t, layout.config)
			for _, mask := range layout.masks {
				t.Run("without "+strings.Join(mask, " "), func(t *testing.T) {
					t.Parallel()
					endpointtest.Run(t, endpointtest.Config{
						New: func(t testing.TB) endpointtest.Fixture {
							t.Helper()
							return users.fixture(t, mask)
						},
						Around: parallel,
					})
				})
			}
		})
	}
}

func parallel(t *testing.T, test func(*testing.T)) {
	t.Helper()
	t.Parallel()
	test(t)
}

// dovecotUsers hands out the accounts of one server, each of them once.
type dovecotUsers struct {
	server *dovecot.Server
	config dovecot.Config
	next   atomic.Int64
}

func startUsers(t *testing.T, config dovecot.Config) *dovecotUsers {
	t.Helper()
	for i := range 1000 {
		config.Users = append(config.Users, dovecot.User{Name: userName(i), Password: password})
	}
	config.NoFsync = true
	config.MaxUserIPConnections = 50
	// Processes that serve one user after another: starting them is most of what a login costs.
	config.ExtraConfig = "service imap-login {\n service_count = 0\n}\nservice imap {\n service_count = 100\n}\nservice auth {\n client_limit = 2000\n}\n"
	return &dovecotUsers{server: dovecot.Start(t, config), config: config}
}

func userName(i int) string { return fmt.Sprintf("conformance-%d", i) }

func (u *dovecotUsers) fixture(t testing.TB, mask []string) endpointtest.Fixture {
	t.Helper()
	name := userName(int(u.next.Add(1) - 1))
	return &imapFixture{
		t: t, addr: u.server.Addr(), user: name, hide: mask, prefix: u.config.Prefix, separator: u.config.Separator,
		changeValidity: func(folder string, validity uint32) {
			t.Helper()
			if out, err := u.server.Doveadm("mailbox", "update", "-u", name, "--uid-validity", fmt.Sprint(validity), folder); err != nil {
				t.Fatal(out, err)
			}
		},
	}
}

// TestConformanceInMemoryServer runs the suite against go-imap's server, which is another
// implementation of the protocol, but writes headers anew: so the mailbox says that it is not
// exact, and what the server cannot parse is left out.
func TestConformanceInMemoryServer(t *testing.T) {
	t.Parallel()
	for name, mask := range map[string][]string{"whole": nil, "masked": slices.Concat(maskedCapabilities()...)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpointtest.Run(t, endpointtest.Config{
				New: func(t testing.TB) endpointtest.Fixture {
					t.Helper()
					srv, err := imapserve.Start(imapserve.Config{Username: "conformance", Password: password})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = srv.Close() })
					return &imapFixture{t: t, addr: srv.Addr(), user: "conformance", hide: mask, separator: "/", inexact: true}
				},
				Around: parallel,
				// The server stores what arrived of a literal when the connection is cut within.
				Breaks: append(unparsable(), "E22/BrokenBodies"),
			})
		})
	}
}

// unparsable names messages whose header go-imap's server cannot parse. It serves them empty.
func unparsable() []string {
	return []string{
		"one byte", "no header", "no header, later an empty line", "leading space", "leading tab", "blank lines with spaces",
		"mbox From line", "escaped mbox From line", "junk line first", "junk line within", "byte order mark", "UTF-16",
		"8-bit field name", "commands", "commands behind a literal", "commands behind a bracket", "answers",
	}
}

// inexact is a driver over a server that changes what it stores.
type inexact struct{ endpoint.Driver }

func (d inexact) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	caps, err := d.Driver.Capabilities(ctx)
	caps.Exact = false
	return caps, err
}

// imapFixture is a mailbox on an IMAP server, and a client of it that shares no code with the
// driver.
type imapFixture struct {
	t                 testing.TB
	addr, user        string
	hide              []string
	prefix, separator string // of folder names
	inexact           bool
	changeValidity    func(folder string, validity uint32) // nil if that cannot be

	raw *imapraw.Client // once it is needed
}

var _ endpointtest.Changer = (*imapFixture)(nil)

func (f *imapFixture) Open() *endpoint.Mailbox {
	f.t.Helper()
	m, err := Open(f.t.Context(), Config{
		Addr: f.addr, Security: Plaintext, Username: f.user, Password: password,
		Timeout: 20 * time.Second, HideCapabilities: f.hide,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if f.inexact {
		return endpoint.New(inexact{m.Driver()})
	}
	return m
}

func (f *imapFixture) client() *imapraw.Client {
	f.t.Helper()
	if f.raw == nil {
		f.raw = imapraw.Dial(f.t, f.addr)
		f.raw.Login(f.user, password)
	}
	return f.raw
}

// name returns the name of a folder whose path holds nothing odd.
func (f *imapFixture) name(path []string) string {
	if len(path) == 1 && path[0] == inbox {
		return inbox
	}
	return f.prefix + strings.Join(path, f.separator)
}

func (f *imapFixture) CreateFolder(path ...string) {
	f.t.Helper()
	f.client().Create(f.name(path))
}

func (f *imapFixture) Deliver(path []string, m endpointtest.Message) (ref string) {
	f.t.Helper()
	if len(m.Body) == 0 && !f.inexact {
		return "" // Dovecot: "Can't save a zero byte message"
	}
	var flags []string
	for _, flag := range m.Flags {
		flags = append(flags, string(flag))
	}
	uid := f.client().Append(f.name(path), flags, m.Received.UTC().Format("_2-Jan-2006 15:04:05 -0700"), m.Body)
	if uid == 0 {
		f.t.Fatal("the server does not tell the UID of a message that was appended")
	}
	return refOf(uid)
}

func (f *imapFixture) Messages(path []string) []endpointtest.Message {
	f.t.Helper()
	var list []endpointtest.Message
	for _, m := range f.client().Messages(f.name(path)) {
		received, err := time.Parse("_2-Jan-2006 15:04:05 -0700", m.InternalDate)
		if err != nil {
			f.t.Fatal(err)
		}
		var flags []endpoint.Flag
		for _, flag := range m.Flags {
			flags = append(flags, spelled(flag))
		}
		list = append(list, endpointtest.Message{Ref: refOf(m.UID), Body: m.Body, Flags: flags, Received: received})
	}
	return list
}

// spelled returns a flag in its usual spelling: flags have no case (RFC 9051 section 2.3.2), and
// go-imap's server writes them in lower case.
func spelled(flag string) endpoint.Flag {
	for _, usual := range []endpoint.Flag{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, "$Forwarded"} {
		if strings.EqualFold(flag, string(usual)) {
			return usual
		}
	}
	return endpoint.Flag(flag)
}

func (f *imapFixture) Delete(path []string, ref string) {
	f.t.Helper()
	f.client().Expunge(f.name(path), f.uid(ref))
}

func (f *imapFixture) SetFlags(path []string, ref string, flags ...endpoint.Flag) {
	f.t.Helper()
	var names []string
	for _, flag := range flags {
		names = append(names, string(flag))
	}
	f.client().StoreFlags(f.name(path), f.uid(ref), "FLAGS", names...)
}

// Update cannot be: messages of IMAP are immutable (RFC 9051 section 2.3.1.1).
func (f *imapFixture) Update([]string, string, []byte) bool { return false }

func (f *imapFixture) CreateTrash() bool {
	f.t.Helper()
	f.client().Create(f.name([]string{"Trash"}))
	return true
}

func (f *imapFixture) Move(from []string, ref string, to []string) {
	f.t.Helper()
	f.client().Move(f.name(from), f.uid(ref), f.name(to))
}

func (f *imapFixture) uid(ref string) uint32 {
	f.t.Helper()
	var uid uint32
	if _, err := fmt.Sscan(ref, &uid); err != nil {
		f.t.Fatal(err)
	}
	return uid
}

func (f *imapFixture) Rename(from, to []string) bool {
	f.t.Helper()
	f.client().Rename(f.name(from), f.name(to))
	return true
}

func (f *imapFixture) ChangeValidity(path []string) bool {
	f.t.Helper()
	if f.changeValidity == nil {
		return false
	}
	name := f.name(path)
	f.changeValidity(name, f.client().UIDValidity(name)+1000)
	return true
}

func (f *imapFixture) Secrets() []string { return []string{f.user, password, f.addr} }
