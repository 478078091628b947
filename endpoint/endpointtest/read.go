package endpointtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func readClauses() []clause {
	return []clause{
		{"E13", "OneBodyEach", "Read yields exactly one body for each reference, NotFound for those that are gone", testReadEach},
		{"E13", "Formats", "Read refuses formats that the caller does not accept", testReadFormats},
		{"E14", "HostileBodies", "a body read is the body that is there, byte for byte", testReadHostile},
		{"E14", "ReopenContent", "a content has its exact size and opens any number of times, at once too", testReopen},
		{"E15", "Memory", "the bodies of one Read hold no more memory than the caller allows", testReadMemory},
		{"E15", "TempDir", "greater bodies go to TempDir, and nothing stays behind there", testReadTempDir},
		{"E24", "SourceIsUnchanged", "reading changes nothing, not even a flag", testSourceUnchanged},
	}
}

func testReadEach(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 6)
	s.fixture.Delete(work(), refs[1])
	s.fixture.Delete(work(), refs[4])
	asked := slices.Concat(refs, []string{"4294967295"})
	slices.Reverse(asked)
	got := s.read(s.box, f, asked...)
	if len(got) != len(asked) {
		s.Errorf("%d bodies, want %d", len(got), len(asked))
	}
	for i, ref := range refs {
		if i == 1 || i == 4 {
			s.wantCode("an item that is gone", got[ref].Err, endpoint.NotFound)
			continue
		}
		if b := got[ref]; b.Err != nil || !b.Received.Equal(someTime()) {
			s.Errorf("item %s: received %v, %v", ref, b.Received, b.Err)
		}
		s.wantBody("item "+ref, got[ref].bytes, message(i))
	}
	s.wantCode("an item that never was", got["4294967295"].Err, endpoint.NotFound, endpoint.Invalid)
	if got := s.read(s.box, f); len(got) != 0 {
		s.Errorf("%d bodies for no reference", len(got))
	}
}

func testReadFormats(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 1)
	for name, formats := range map[string]map[endpoint.Kind][]endpoint.Format{
		"another format": {endpoint.Mail: {"application/x-unknown"}},
		"another kind":   {endpoint.Contact: {endpoint.VCard}},
	} {
		bodies, err := collect(s, s.box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 16, Formats: formats}))
		if err == nil && len(bodies) == 1 {
			err = bodies[0].Err
		}
		s.wantCode(name, err, endpoint.Unsupported)
	}
	accepted := endpoint.ReadOptions{Memory: 1 << 16, Formats: s.caps.Read}
	bodies := all(s, s.box.Read(s.Context(), f, refs, accepted))
	if len(bodies) != 1 || bodies[0].Err != nil || bodies[0].Content.Format() != s.caps.Read[endpoint.Mail][0] {
		s.Errorf("bodies are %+v, want one in the first format of the capabilities", bodies)
	}
}

func testReadHostile(s *scene) {
	f := s.workFolder()
	names := map[string]Body{}
	var refs []string
	for _, b := range s.hostileBodies() {
		if ref := s.fixture.Deliver(work(), Message{Body: b.Bytes, Received: someTime()}); ref != "" {
			names[ref] = b
			refs = append(refs, ref)
		}
	}
	got := s.read(s.box, f, refs...)
	for ref, b := range names {
		if err := got[ref].Err; err != nil {
			s.Errorf("%s: %v", b.Name, err)
			continue
		}
		s.wantBody(b.Name, got[ref].bytes, b.Bytes)
	}
}

func testReopen(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 1)
	for name, memory := range map[string]int64{"in memory": 1 << 20, "in a file": 0} {
		for _, b := range all(s, s.box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: memory, TempDir: s.TempDir()})) {
			if b.Err != nil {
				s.Fatal(b.Err)
			}
			s.wantReopens(name, b.Content)
		}
	}
}

func (s *scene) wantReopens(name string, c endpoint.Content) {
	s.Helper()
	want := s.contentOnce(c)
	if int64(len(want)) != c.Size() {
		s.Errorf("%s: %d bytes, Size says %d", name, len(want), c.Size())
	}
	a, errA := c.Open()
	b, errB := c.Open()
	if errA != nil || errB != nil {
		s.Fatalf("%s: opened twice: %v, %v", name, errA, errB)
	}
	// Byte for byte in turns: readers have places of their own.
	var gotA, gotB bytes.Buffer
	for range want {
		_, errA = io.CopyN(&gotA, a, 1)
		_, errB = io.CopyN(&gotB, b, 1)
		if errA != nil || errB != nil {
			s.Fatalf("%s: %v, %v", name, errA, errB)
		}
	}
	if !bytes.Equal(gotA.Bytes(), want) || !bytes.Equal(gotB.Bytes(), want) {
		s.Errorf("%s: two readers at once yield %q and %q, want %q", name, gotA.Bytes(), gotB.Bytes(), want)
	}
	for _, c := range []io.Closer{a, b, c} {
		if err := c.Close(); err != nil {
			s.Error(err)
		}
	}
}

func testReadMemory(s *scene) {
	f := s.workFolder()
	var refs []string
	for i := range 4 {
		refs = append(refs, s.fixture.Deliver(work(), Message{Body: large(i, 10_000), Received: someTime()}))
	}
	// What is not in memory has no place to go, so that it has to fail.
	opts := endpoint.ReadOptions{Memory: 25_000, TempDir: filepath.Join(s.TempDir(), "missing")}
	bodies, err := collect(s, s.box.Read(s.Context(), f, refs, opts))
	var held int64
	failed := err != nil
	for _, b := range bodies {
		if b.Err != nil {
			failed = true
			continue
		}
		held += b.Content.Size()
		s.content(b.Content)
	}
	if held > opts.Memory || !failed {
		s.Errorf("%d bytes in memory, want at most %d, and an error for the rest; error is %v", held, opts.Memory, err)
	}
	opts.Memory = 100_000
	if got := all(s, s.box.Read(s.Context(), f, refs, opts)); len(got) != 4 {
		s.Errorf("%d bodies where all fit into memory, want 4", len(got))
	}
}

func testReadTempDir(s *scene) {
	f := s.workFolder()
	var refs []string
	for i := range 4 {
		refs = append(refs, s.fixture.Deliver(work(), Message{Body: large(i, 10_000), Received: someTime()}))
	}
	opts := endpoint.ReadOptions{TempDir: s.TempDir()}
	bodies := all(s, s.box.Read(s.Context(), f, refs, opts))
	for _, b := range bodies {
		if b.Err != nil {
			s.Fatal(b.Err)
		}
		s.wantBody("item "+b.Ref, s.content(b.Content), large(slices.Index(refs, b.Ref), 10_000))
	}
	for b, err := range s.box.Read(s.Context(), f, refs, opts) { // left early
		if err != nil || b.Err != nil {
			s.Fatal(err, b.Err)
		}
		s.content(b.Content)
		break
	}
	if left, err := os.ReadDir(opts.TempDir); err != nil || len(left) != 0 {
		s.Errorf("%d files are left in TempDir, %v", len(left), err)
	}
}

func testSourceUnchanged(s *scene) {
	s.workFolder()
	flags := [][]endpoint.Flag{nil, {endpoint.Seen}, {endpoint.Deleted}, {endpoint.IsFlagged, endpoint.Answered, endpoint.Draft}}
	for i, set := range flags {
		for _, path := range [][]string{work(), inbox()} {
			s.fixture.Deliver(path, Message{Body: message(i), Flags: set, Received: someTime()})
		}
	}
	folders := all(s, s.open().Folders(s.Context()))
	before := [][]Message{s.fixture.Messages(work()), s.fixture.Messages(inbox())}
	for f, err := range s.box.Folders(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		s.look(s.box, f)
	}
	if err := s.box.Close(); err != nil {
		s.Error(err)
	}
	for i, path := range [][]string{work(), inbox()} {
		s.wantMessages(path, before[i])
	}
	after := all(s, s.open().Folders(s.Context()))
	if !slices.EqualFunc(folders, after, func(a, b endpoint.Folder) bool {
		return a.ID == b.ID && a.Validity == b.Validity && a.State == b.State && a.Items == b.Items && a.Subscribed == b.Subscribed
	}) {
		s.Errorf("folders are %+v, were %+v", after, folders)
	}
}

// wantMessages checks that a folder holds what it held.
func (s *scene) wantMessages(path []string, want []Message) {
	s.Helper()
	got := s.fixture.Messages(path)
	if !slices.EqualFunc(got, want, func(a, b Message) bool {
		return a.Ref == b.Ref && bytes.Equal(a.Body, b.Body) && slices.Equal(a.Flags, b.Flags) && a.Received.Equal(b.Received)
	}) {
		s.Errorf("folder %q has %d messages %+v, had %d messages %+v", path, len(got), got, len(want), want)
	}
}
