package graphendpoint

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	plainCard   = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:O'Neil\r\nFN:Ann Example\r\nEMAIL:ann@example.com\r\nGENDER:F\r\nEND:VCARD\r\n"
	contactPost = "POST /users/{user}/contactFolders/{folder}/contacts"
)

// photoCard is a card with a photo that looks like a JPEG.
func photoCard(size int) string {
	photo := append([]byte{0xff, 0xd8, 0xff, 0xe0}, bytes.Repeat([]byte{7}, size)...)
	return strings.Replace(plainCard, "GENDER:F", "PHOTO:data:image/jpeg;base64,"+base64.StdEncoding.EncodeToString(photo), 1)
}

func TestContactFolders(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	ctx, s := t.Context(), b.contacts
	if err := s.probe(ctx); err != nil {
		t.Fatal(err)
	}
	paths := [][]string{
		{"[Contacts]", "Contacts"},
		{"[Contacts]", "Friends"},
		{"[Contacts]", "Friends", "Old / new"},
		{"[Contacts]", " =x20\t"},
		{"[Contacts]", "日本", "Contacts"},
	}
	for _, path := range paths {
		made, err := s.create(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.create(ctx, path)
		if err != nil || again.ID != made.ID {
			t.Errorf("%q made twice: %v", path, err)
		}
		if !slices.Equal(made.Path, path) {
			t.Errorf("made %+v for %q", made, path)
		}
	}
	all, err := b.again(t).contacts.folders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(paths)+1 || all[0].Role != endpoint.DefaultContacts || all[0].ID != b.owner.Contacts() {
		t.Errorf("folders %+v", all)
	}
	for _, path := range paths {
		if !slices.ContainsFunc(all, func(f endpoint.Folder) bool { return slices.Equal(f.Path, path) }) {
			t.Errorf("%q is missing in %+v", path, all)
		}
	}
	if err := s.drop(ctx, all[0].ID); !hasCode(err, endpoint.Denied) {
		t.Errorf("drop of the default folder: %v", err)
	}
	if err := s.drop(ctx, all[1].ID); err != nil {
		t.Error(err)
	}
	if _, err := s.create(ctx, []string{"Elsewhere"}); !hasCode(err, endpoint.Rejected) {
		t.Errorf("create elsewhere: %v", err)
	}
}

func TestContactFolderBesideTheDefaultOne(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	if _, err := b.owner.CreateFolder(b.owner.Contacts(), "Contacts"); err != nil {
		t.Fatal(err)
	}
	all, err := b.contacts.folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || slices.Equal(all[0].Path, all[1].Path) {
		t.Errorf("folders %+v", all)
	}
}

func TestPutContact(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder, mark := b.contacts, b.owner.Contacts(), markNo(1)
	put := cardPut(mark, plainCard)
	put.Flags = []endpoint.Flag{endpoint.Seen}
	gathered(t, s.marks(t.Context(), folder, "")) // as the engine does before it writes
	before := b.server.Count("")
	result := s.put(t.Context(), folder, put)
	if result.Err != nil || len(result.Dropped) != 1 {
		t.Fatalf("%+v", result)
	}
	if n := b.server.Count("") - before; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	ref := wantOneMarked(t, b, s, folder, mark)
	if ref != result.Ref {
		t.Errorf("ref %q, is %q", result.Ref, ref)
	}
	want := strings.Replace(plainCard, "VERSION:4.0\r\n", "VERSION:4.0\r\nX-DANDYROLL:"+mark.String()+"\r\n", 1)
	got := readText(t, s, folder, ref)
	if got = string(watermark.StripProperty([]byte(got))); got != string(watermark.StripProperty([]byte(want))) {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
	items := gathered(t, s.list(t.Context(), folder, ""))
	if len(items) != 1 || items[0].Ref != ref || items[0].Identity != ref || items[0].Marks.Marks[0] != mark || items[0].Version == "" {
		t.Errorf("list %+v", items)
	}
}

func TestFindContact(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder := b.contacts, b.owner.Contacts()
	result := s.put(t.Context(), folder, cardPut(markNo(1), plainCard))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	long := strings.Repeat("long'", 100)
	second := s.put(t.Context(), folder, cardPut(markNo(2), strings.Replace(plainCard, "urn:uuid:O'Neil", long, 1)))
	own, err := b.owner.Create(folder, map[string]any{"displayName": "Without a UID"})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]string{
		"urn:uuid:O'Neil": {result.Ref}, "URN:UUID:o'neil": nil, "urn:uuid": nil, "": nil, "\x00": nil, long: {second.Ref}, "graph-" + own: {own},
		"graph-" + result.Ref: nil, "graph-": nil, "graph-x/y": nil,
	} {
		if got := gathered(t, s.find(t.Context(), folder, id)); !slices.Equal(got, want) {
			t.Errorf("find %q: %q, want %q", id, got, want)
		}
	}
}

func TestPutContactWithPhoto(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder, mark := b.contacts, b.owner.Contacts(), markNo(1)
	card := photoCard(200_000)
	if result := s.put(t.Context(), folder, cardPut(mark, card)); result.Err != nil {
		t.Fatal(result.Err)
	}
	ref := wantOneMarked(t, b, s, folder, mark)
	_, want, err := contactFromVCard([]byte(card))
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := contactFromVCard([]byte(readText(t, s, folder, ref)))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("photo of %d bytes, want %d: %v", len(got), len(want), err)
	}
}

// A program that ended between the contact and its photo left a half, which does not count, and which the next one takes away.
func TestHalfAContact(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	folder, mark := b.owner.Contacts(), markNo(1)
	half, err := b.owner.Create(folder, map[string]any{"displayName": "Half"})
	if err == nil {
		err = b.owner.SetProperty(half, partialProperty, mark.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	if seen := gathered(t, b.contacts.marks(t.Context(), folder, "")); len(seen) != 0 {
		t.Errorf("half a contact counts: %+v", seen)
	}
	if result := b.again(t).contacts.put(t.Context(), folder, cardPut(mark, plainCard)); result.Err != nil {
		t.Fatal(result.Err)
	}
	wantOneMarked(t, b, b.contacts, folder, mark)
}

func TestContactFaults(t *testing.T) {
	t.Parallel()
	everyFault(t, func(b peopleBox) (shelf, string) { return b.contacts, b.owner.Contacts() }, cardPut(markNo(1), photoCard(100)), []string{
		contactPost, "PUT /users/{user}/contacts/{contact}/photo/$value", "PATCH /users/{user}/contacts/{contact}",
	})
}

// What cannot be deleted after a failure is taken away before the next attempt.
func TestContactThatCannotBeGivenUp(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	folder, mark := b.owner.Contacts(), markNo(1)
	b.server.Inject(graphserve.Fault{Route: "PUT /users/{user}/contacts/{contact}/photo/$value", Kind: graphserve.Forbidden, Times: 1})
	b.server.Inject(graphserve.Fault{Route: "DELETE /users/{user}/contacts/{contact}", Kind: graphserve.Forbidden, Times: 1})
	item := cardPut(mark, photoCard(100))
	if result := b.contacts.put(t.Context(), folder, item); !hasCode(result.Err, endpoint.InDoubt) {
		t.Errorf("got %v, want in doubt", result.Err)
	}
	if result := b.contacts.put(t.Context(), folder, item); result.Err != nil {
		t.Fatal(result.Err)
	}
	wantOneMarked(t, b, b.contacts, folder, mark)
}

func TestRemoveContact(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder := b.contacts, b.owner.Contacts()
	other, err := s.create(t.Context(), []string{"[Contacts]", "Other"})
	if err != nil {
		t.Fatal(err)
	}
	result := s.put(t.Context(), folder, cardPut(markNo(1), plainCard))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	if err := s.remove(t.Context(), other.ID, result.Ref); !hasCode(err, endpoint.NotFound) {
		t.Errorf("remove out of another folder: %v", err)
	}
	if err := s.remove(t.Context(), folder, result.Ref); err != nil {
		t.Error(err)
	}
	if err := s.remove(t.Context(), folder, result.Ref); !hasCode(err, endpoint.NotFound) {
		t.Errorf("remove again: %v", err)
	}
	for _, ref := range []string{result.Ref, "", "../x"} {
		if body := s.read(t.Context(), folder, ref, reading{room: newRoom(0)}); !hasCode(body.Err, endpoint.NotFound) {
			t.Errorf("read of %q: %v", ref, body.Err)
		}
	}
}

func TestStateOfContacts(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder := b.contacts, b.owner.Contacts()
	checkStates(t, s, folder, func() {
		if result := s.put(t.Context(), folder, cardPut(markNo(1), plainCard)); result.Err != nil {
			t.Fatal(result.Err)
		}
	}, func(ref string) error { return b.owner.Update(ref, map[string]any{"displayName": "Changed"}) })
}

// checkStates holds the states of an empty folder against what happens in it.
func checkStates(t *testing.T, s shelf, folder string, put func(), change func(ref string) error) {
	t.Helper()
	var states []string
	state := func(want bool, what string) {
		t.Helper()
		since := ""
		if len(states) > 0 {
			since = states[len(states)-1]
		}
		now, err := s.state(t.Context(), folder, since)
		if err != nil {
			t.Fatal(err)
		}
		if want != !slices.Contains(states, now) {
			t.Errorf("%s: state %q after %q", what, now, states)
		}
		states = append(states, now)
	}
	state(true, "empty")
	state(false, "nothing happened")
	put()
	state(true, "put")
	state(false, "nothing happened")
	ref := gathered(t, s.refs(t.Context(), folder))[0]
	if err := change(ref); err != nil {
		t.Fatal(err)
	}
	state(true, "changed")
	if err := s.remove(t.Context(), folder, ref); err != nil {
		t.Fatal(err)
	}
	state(true, "removed")
	state(false, "nothing happened")
}

func TestReadRefusesOtherFormats(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	for _, s := range []shelf{b.contacts, b.tasks} {
		body := s.read(t.Context(), "x", "y", reading{room: newRoom(0), formats: []endpoint.Format{endpoint.RFC822}})
		if !hasCode(body.Err, endpoint.Unsupported) {
			t.Errorf("%T: %v", s, body.Err)
		}
	}
}
