package imapserve_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/imapserve"
)

func start(t *testing.T) *imapserve.Server {
	t.Helper()
	s, err := imapserve.Start(imapserve.Config{Username: "ann", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func message(subject string) imapserve.Message {
	return imapserve.Message{
		Bytes:    []byte("Subject: " + subject + "\r\n\r\nHello.\r\n"),
		Flags:    []string{`\Seen`},
		Received: time.Date(2019, 7, 8, 9, 10, 11, 0, time.UTC),
	}
}

func deliver(t *testing.T, s *imapserve.Server, folder string, m imapserve.Message) {
	t.Helper()
	if err := s.Deliver(t.Context(), folder, m); err != nil {
		t.Fatal(err)
	}
}

// subjects returns the first line of every message in a folder.
func subjects(t *testing.T, s *imapserve.Server, folder string) []string {
	t.Helper()
	found, err := s.Messages(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range found {
		line, _, _ := strings.Cut(string(m.Bytes), "\r\n")
		list = append(list, strings.TrimPrefix(line, "Subject: "))
	}
	return list
}

func TestDeliverKeepsBytesFlagsAndDate(t *testing.T) {
	s, sent := start(t), message("one")
	deliver(t, s, "INBOX", sent)
	found, err := s.Messages(t.Context(), "INBOX")
	if err != nil || len(found) != 1 {
		t.Fatalf("Messages = %d, %v", len(found), err)
	}
	got := found[0]
	if string(got.Bytes) != string(sent.Bytes) || !got.Received.Equal(sent.Received) {
		t.Errorf("got %q of %v, sent %q of %v", got.Bytes, got.Received, sent.Bytes, sent.Received)
	}
	// The in-memory server knows flags in lower case.
	if len(got.Flags) != 1 || !strings.EqualFold(got.Flags[0], `\Seen`) {
		t.Errorf("flags = %q", got.Flags)
	}
}

func TestDeleteAndMoveTouchWhatMatches(t *testing.T) {
	s := start(t)
	if err := s.CreateFolder(t.Context(), "Projects/Dandy Röll"); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"one", "two", "three"} {
		deliver(t, s, "INBOX", message(subject))
	}
	n, err := s.Delete(t.Context(), "INBOX", imapserve.Containing("two"))
	if n != 1 || err != nil {
		t.Fatalf("Delete = %d, %v", n, err)
	}
	n, err = s.Move(t.Context(), "INBOX", "Projects/Dandy Röll", imapserve.Containing("three"))
	if n != 1 || err != nil {
		t.Fatalf("Move = %d, %v", n, err)
	}
	n, err = s.Delete(t.Context(), "INBOX", imapserve.Containing("four"))
	if n != 0 || err != nil {
		t.Fatalf("Delete of nothing = %d, %v", n, err)
	}
	if got := subjects(t, s, "INBOX"); !slices.Equal(got, []string{"one"}) {
		t.Errorf("INBOX = %q", got)
	}
	if got := subjects(t, s, "Projects/Dandy Röll"); !slices.Equal(got, []string{"three"}) {
		t.Errorf("folder = %q", got)
	}
}

func TestRenameTakesSubfoldersAlong(t *testing.T) {
	s := start(t)
	if err := s.CreateFolder(t.Context(), "A/B"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rename(t.Context(), "A", "C"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Folders(t.Context())
	if err != nil || !slices.Equal(got, []string{"C", "C/B", "INBOX"}) {
		t.Fatalf("Folders = %q, %v", got, err)
	}
}

func TestErrorsSayWhatFailed(t *testing.T) {
	s := start(t)
	err := s.Deliver(t.Context(), "Nowhere", message("lost"))
	if err == nil || !strings.HasPrefix(err.Error(), "imapserve: deliver: ") {
		t.Fatalf("Deliver into no folder = %v", err)
	}
}

func TestTLS(t *testing.T) {
	other := httptest.NewTLSServer(nil) // whose certificate is as good as any
	t.Cleanup(other.Close)
	s, err := imapserve.Start(imapserve.Config{Username: "ann", Password: "secret", TLS: other.TLS})
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, s, "INBOX", message("one"))
	if got := subjects(t, s, "INBOX"); !slices.Equal(got, []string{"one"}) {
		t.Errorf("INBOX = %q", got)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
