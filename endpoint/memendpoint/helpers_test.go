package memendpoint

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	plainMail = "From: ann@old.example\r\nSubject: lunch\r\nMessage-ID: <1@old.example>\r\n\r\nAt noon?\r\n"
	plainCard = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:card-1\r\nFN:Ann\r\nEND:VCARD\r\n"
	plainNote = "Subject: shopping\r\nX-Uniform-Type-Identifier: com.apple.mail-note\r\n\r\nmilk\r\n"
)

// calendar returns an iCalendar object with one component.
func calendar(component string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:" + component +
		"\r\nUID:uid-1\r\nSUMMARY:lunch\r\nEND:" + component + "\r\nEND:VCALENDAR\r\n"
}

// sample returns a well-formed body of a kind.
func sample(k endpoint.Kind) string {
	switch k {
	case endpoint.Mail:
		return plainMail
	case endpoint.Note:
		return plainNote
	case endpoint.Event:
		return calendar("VEVENT")
	case endpoint.Task:
		return calendar("VTODO")
	case endpoint.Journal:
		return calendar("VJOURNAL")
	case endpoint.Contact:
		return plainCard
	}
	return ""
}

// testMark returns the mark of item n.
func testMark(t testing.TB, n int) watermark.Mark {
	t.Helper()
	key, err := watermark.KeyFromBytes([]byte(strings.Repeat("k", watermark.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	types := watermark.Types{Source: "mem", Destination: "mem"}
	id := key.ItemID(watermark.Item{Types: types, Pair: "p", Generation: 1, Ordinal: n})
	return key.Mark(types, "p", 1, id)
}

// testPut returns item n, a mail.
func testPut(t testing.TB, n int) endpoint.Put {
	t.Helper()
	return endpoint.Put{Mark: testMark(t, n), Kind: endpoint.Mail, Content: endpoint.Bytes(endpoint.RFC822, []byte(plainMail))}
}

func testPuts(t testing.TB, n int) []endpoint.Put {
	t.Helper()
	var items []endpoint.Put
	for i := range n {
		items = append(items, testPut(t, i))
	}
	return items
}

// collect returns what a sequence yields and the error that ends it.
func collect[T any](seq iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

// all is collect for sequences that must not fail.
func all[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	list, err := collect(seq)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// folderAt lists the folders of a session and returns the one with a path.
func folderAt(t testing.TB, mb *endpoint.Mailbox, path ...string) endpoint.Folder {
	t.Helper()
	for _, f := range all(t, mb.Folders(t.Context())) {
		if slices.Equal(f.Path, path) {
			return f
		}
	}
	t.Fatalf("no folder %q", path)
	return endpoint.Folder{}
}

func deliver(t testing.TB, s *Server, m Message, path ...string) (ref string) {
	t.Helper()
	ref, err := s.Deliver(path, m)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// refsOf returns the references that a session sees in a folder.
func refsOf(t testing.TB, mb *endpoint.Mailbox, path ...string) []string {
	t.Helper()
	return all(t, mb.Refs(t.Context(), folderAt(t, mb, path...)))
}

func wantCode(t testing.TB, err error, code endpoint.Code) {
	t.Helper()
	if err == nil || endpoint.CodeOf(err) != code {
		t.Errorf("error is %v, want code %v", err, code)
	}
}
