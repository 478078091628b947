package endpointtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// patience bounds what has to end soon, and is generous: machines of tests are slow.
const patience = 30 * time.Second

// canary is in every message that the suite writes, and must be in no error.
const canary = "canary-7f3a"

// scene is what one case plays with: a mailbox of its own and one session on it.
type scene struct {
	*testing.T
	config  Config
	fixture Fixture
	box     *endpoint.Mailbox
	caps    endpoint.Capabilities
	key     watermark.Key
	marks   int // made so far
}

func newScene(t *testing.T, c Config) *scene {
	s := &scene{T: t, config: c, fixture: c.New(t)}
	var err error
	if s.key, err = watermark.KeyFromBytes(bytes.Repeat([]byte("k"), watermark.KeySize)); err != nil {
		t.Fatal(err)
	}
	s.box = s.open()
	if s.caps, err = s.box.Capabilities(t.Context()); err != nil {
		t.Fatalf("capabilities: %v", err)
	}
	return s
}

// open opens another session, which ends with the case.
func (s *scene) open() *endpoint.Mailbox {
	s.Helper()
	box := s.fixture.Open()
	s.Cleanup(func() { _ = box.Close() }) // E26 looks at what Close returns
	return box
}

func inbox() []string { return []string{"INBOX"} }

// work is the folder that most cases play in.
func work() []string { return []string{"Work"} }

// workFolder makes it.
func (s *scene) workFolder() endpoint.Folder {
	s.Helper()
	s.fixture.CreateFolder(work()...)
	return s.folder(s.box, work())
}

// find returns the folder at a path, as a session lists it now.
func (s *scene) find(box *endpoint.Mailbox, path []string) (endpoint.Folder, bool) {
	s.Helper()
	folders := all(s, box.Folders(s.Context()))
	i := slices.IndexFunc(folders, func(f endpoint.Folder) bool { return slices.Equal(f.Path, path) })
	if i < 0 {
		return endpoint.Folder{}, false
	}
	return folders[i], true
}

// state returns the State of the folder work as a session has it now: as it is listed, or since an
// earlier one, which may be empty, where it is told in no other way. It is empty without states.
func (s *scene) state(box *endpoint.Mailbox, since string) string {
	s.Helper()
	f := s.folder(box, work())
	if !s.caps.StateSince {
		return f.State
	}
	state, err := box.State(s.Context(), f, since)
	if err != nil {
		s.Fatalf("State: %v", err)
	}
	return state
}

func (s *scene) folder(box *endpoint.Mailbox, path []string) endpoint.Folder {
	s.Helper()
	f, ok := s.find(box, path)
	if !ok {
		s.Fatalf("Folders lists no folder %q", path)
	}
	return f
}

// paths returns the paths of all folders as a new session sees them.
func (s *scene) paths() []string {
	s.Helper()
	var list []string
	for _, f := range all(s, s.open().Folders(s.Context())) {
		list = append(list, fmt.Sprintf("%q", f.Path))
	}
	return list
}

// message returns an ordinary message; the number makes its Message-ID.
func message(n int) []byte {
	return fmt.Appendf(nil, "Message-ID: <%d@example.org>\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n"+
		"From: ann@example.org\r\nSubject: %s %d\r\n\r\nbody %d\r\n", n, canary, n, n)
}

// large returns a message of roughly some size.
func large(n, size int) []byte {
	return append(message(n), bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), size/64)...)
}

// deliver has the other client put n ordinary messages into a folder.
func (s *scene) deliver(path []string, first, n int) (refs []string) {
	s.Helper()
	for i := range n {
		refs = append(refs, s.fixture.Deliver(path, Message{Body: message(first + i), Received: someTime()}))
	}
	return refs
}

func someTime() time.Time { return time.Date(1997, time.March, 4, 5, 6, 7, 0, time.UTC) }

// mark returns a mark that no other item of the case has.
func (s *scene) mark() watermark.Mark {
	s.marks++
	types := watermark.Types{Source: "suite", Destination: s.box.Info().Type}
	id := s.key.ItemID(watermark.Item{Types: types, Pair: "suite", Generation: 1, Ordinal: s.marks})
	return s.key.Mark(types, "suite", 1, id)
}

// mail returns an item to be put, under a new mark.
func (s *scene) mail(body []byte) endpoint.Put {
	return endpoint.Put{Mark: s.mark(), Kind: endpoint.Mail, Content: endpoint.Bytes(endpoint.RFC822, body), Received: someTime()}
}

// mails returns n ordinary items to be put.
func (s *scene) mails(n int) []endpoint.Put {
	var items []endpoint.Put
	for i := range n {
		items = append(items, s.mail(message(1000+s.marks+i)))
	}
	return items
}

// writes skips the case where no mail can be written.
func (s *scene) writes() {
	s.Helper()
	if !slices.Contains(s.caps.Write[endpoint.Mail], endpoint.RFC822) {
		s.Skip("Capabilities.Write has no mail")
	}
}

// put writes items and returns their results, by mark. The sequence must end without an error.
func (s *scene) put(f endpoint.Folder, items ...endpoint.Put) map[watermark.Mark]endpoint.PutResult {
	s.Helper()
	results := make(map[watermark.Mark]endpoint.PutResult)
	for _, r := range all(s, s.box.Put(s.Context(), f, items)) {
		if _, twice := results[r.Mark]; twice {
			s.Errorf("Put yields two results for one item")
		}
		results[r.Mark] = r
	}
	if len(results) != len(items) {
		s.Errorf("Put yields results for %d items, want %d", len(results), len(items))
	}
	s.settle()
	return results
}

// mustPut is put for items that have to be accepted.
func (s *scene) mustPut(f endpoint.Folder, items ...endpoint.Put) map[watermark.Mark]endpoint.PutResult {
	s.Helper()
	results := s.put(f, items...)
	for _, r := range results {
		if r.Err != nil {
			s.Errorf("Put of an item: %v", r.Err)
		}
	}
	return results
}

// hostileBodies returns those that the server behind the fixture can cope with.
func (s *scene) hostileBodies() []Body {
	return slices.DeleteFunc(HostileBodies(), func(b Body) bool { return slices.Contains(s.config.Breaks, b.Name) })
}

// settle waits for as long as puts may be missing from listings.
func (s *scene) settle() { time.Sleep(s.caps.Visibility) }

// sightings returns what a session sees of marks, by first mark. Every one must begin with a mark
// of the suite.
func (s *scene) sightings(box *endpoint.Mailbox, f endpoint.Folder, since string) map[watermark.Mark]endpoint.Sighting {
	s.Helper()
	found := make(map[watermark.Mark]endpoint.Sighting)
	for _, sighting := range all(s, box.Marks(s.Context(), f, since)) {
		if len(sighting.Marks.Marks) == 0 {
			s.Errorf("Marks: item %s has fields of our name but no mark", sighting.Ref)
			continue
		}
		first := sighting.Marks.Marks[0]
		if _, twice := found[first]; twice {
			s.Errorf("Marks: two items have the same first mark")
		}
		if _, ours := s.key.Verify(first, 1); !ours {
			s.Errorf("Marks: the first mark of item %s is not the one that was put", sighting.Ref)
		}
		found[first] = sighting
	}
	return found
}

// read returns bodies, by reference, and closes their contents.
func (s *scene) read(box *endpoint.Mailbox, f endpoint.Folder, refs ...string) map[string]item {
	s.Helper()
	items := make(map[string]item)
	for _, b := range all(s, box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 16, TempDir: s.TempDir()})) {
		if _, twice := items[b.Ref]; twice {
			s.Errorf("Read yields two bodies for item %s", b.Ref)
		}
		items[b.Ref] = item{Body: b, bytes: s.content(b.Content)}
	}
	return items
}

// item is a body with the bytes of its content.
type item struct {
	endpoint.Body
	bytes []byte
}

// content returns what a content holds, and closes it.
func (s *scene) content(c endpoint.Content) []byte {
	s.Helper()
	if c == nil {
		return nil
	}
	b := s.contentOnce(c)
	if err := c.Close(); err != nil {
		s.Errorf("close a content: %v", err)
	}
	return b
}

func (s *scene) contentOnce(c endpoint.Content) []byte {
	s.Helper()
	r, err := c.Open()
	if err != nil {
		s.Fatalf("open a content: %v", err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		s.Fatalf("read a content: %v", err)
	}
	return b
}

// wantBody compares what a server serves with what was written.
func (s *scene) wantBody(name string, got, want []byte) {
	s.Helper()
	switch {
	case !s.caps.Exact || bytes.Equal(got, want):
	case Body{Bytes: want}.Canonical():
		s.Errorf("%s: %d bytes %.200q, want %d bytes %.200q", name, len(got), got, len(want), want)
	case normal(got) != normal(want):
		s.Errorf("%s: %d bytes %.200q, want, but for line ends and NUL, %.200q", name, len(got), got, want)
	}
}

// stamped returns what Put has to write.
func stamped(p endpoint.Put, body []byte) []byte {
	return slices.Concat(watermark.Prefix(p.Mark, body[:min(len(body), 64<<10)]), body)
}

// wantCode checks that err is an error as a Mailbox returns it, with one of some codes.
func (s *scene) wantCode(what string, err error, codes ...endpoint.Code) {
	s.Helper()
	if err == nil || !slices.Contains(codes, endpoint.CodeOf(err)) {
		s.Errorf("%s: error is %v, want code %v", what, err, codes)
	}
	s.wantDecent(what, err)
}

// wantDecent checks what holds for every error: its type, and what its text must not have.
func (s *scene) wantDecent(what string, err error) {
	s.Helper()
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if _, ok := errors.AsType[*endpoint.Error](err); !ok {
		s.Errorf("%s: error is a %T, want *endpoint.Error: %v", what, err, err)
	}
	for _, secret := range append(s.fixture.Secrets(), canary, s.box.Info().Account) {
		if secret != "" && strings.Contains(err.Error(), secret) {
			s.Errorf("%s: the error tells the secret %q", what, secret)
		}
	}
}

// collect returns what a sequence yields and the error that ends it.
func collect[T any](s *scene, seq iter.Seq2[T, error]) (values []T, err error) {
	s.Helper()
	for v, failure := range seq {
		if err != nil {
			s.Errorf("the sequence goes on after its error %v", err)
			break
		}
		if err = failure; err == nil {
			values = append(values, v)
		}
	}
	s.wantDecent("sequence", err)
	return values, err
}

// all is collect for sequences that must not fail.
func all[T any](s *scene, seq iter.Seq2[T, error]) []T {
	s.Helper()
	values, err := collect(s, seq)
	if err != nil {
		s.Fatalf("the sequence ends with an error: %v", err)
	}
	return values
}

// first leaves a sequence at its first value.
func first[T any](s *scene, seq iter.Seq2[T, error]) {
	s.Helper()
	for _, err := range seq {
		if err != nil {
			s.Errorf("the sequence begins with an error: %v", err)
		}
		return
	}
	s.Error("the sequence is empty")
}
