package graphendpoint

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const importRoute = "POST /beta/users/{user}/mailFolders/{folder}/importMime"

func startImport(t *testing.T) putFixture {
	t.Helper()
	f := startPut(t, graphserve.Quirks{ImportMIME: true, RestrictUpdates: true}, nil)
	f.shelf.importMIME = true
	return f
}

// signed is a message whose structure only importMime keeps. Some of its lines end with a lone line feed.
const signed = "Subject: signed\nFrom: a@b.example\r\nDate: Wed, 1 Jan 2020 00:00:00 +0000\r\nX-Own: kept\r\n" +
	"Content-Type: multipart/signed; boundary=s; protocol=\"a/b\"\r\n\r\n--s\r\n\r\ntext\r\n--s\r\nContent-Type: a/b\r\n\r\nsignature\n--s--\r\n"

func TestImportMIME(t *testing.T) {
	t.Parallel()
	f := startImport(t)
	it := f.one(t, mailPut(mailContent(signed), endpoint.Seen, endpoint.IsFlagged, endpoint.Answered, "Grün"))
	if it.Fields["isRead"] != true || len(flagsOf(it)) != 4 {
		t.Errorf("flags %v", flagsOf(it))
	}
	raw, err := f.box.MIME(it.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"X-Own: kept\r\n", "multipart/signed", "\r\nsignature\r\n", markNo(1).String()} {
		if !bytes.Contains(raw, []byte(part)) {
			t.Errorf("no %q in %q", part, raw)
		}
	}
	if n := f.server.Count(importRoute); n != 1 {
		t.Errorf("%d imports", n)
	}
	f.wantClean(t)
}

// What importMime does not take goes as JSON: drafts, great messages, and all where it is not served.
func TestImportMIMEIsNotPossible(t *testing.T) {
	t.Parallel()
	f := startImport(t)
	f.one(t, mailPut(mailContent(signed), endpoint.Draft))
	if f.server.Count(importRoute) != 0 {
		t.Error("a draft was imported, which makes it none")
	}
	f = startImport(t)
	wantFiles(t, f.one(t, mailPut(letter(2_500_000))), 2_500_000)
	if f.server.Count(importRoute) != 0 {
		t.Error("a message was imported that is too great")
	}
	f = startImport(t)
	f.server.SetQuirks(func(q *graphserve.Quirks) { q.ImportMIME = false })
	if it := f.one(t, mailPut(mailContent(signed))); f.server.Count(importRoute) != 1 || it.Fields["subject"] != "signed" {
		t.Errorf("%d imports, then %v", f.server.Count(importRoute), it.Fields)
	}
}

func TestImportMIMEFaults(t *testing.T) {
	t.Parallel()
	for _, route := range []string{importRoute, patchMail, moveMail} {
		for name, kind := range map[string]graphserve.FaultKind{
			"unavailable": graphserve.UnavailableBefore, "done but timed out": graphserve.TimeoutAfter, "reset": graphserve.ResetAfter,
			"truncated": graphserve.Truncated, "throttled": graphserve.Throttled, "forbidden": graphserve.Forbidden,
		} {
			t.Run(fmt.Sprint(route, " ", name), func(t *testing.T) {
				t.Parallel()
				f, item := startImport(t), mailPut(mailContent(signed))
				f.server.Inject(graphserve.Fault{Route: route, Kind: kind})
				result := f.put(t, item)
				n := len(f.items(t))
				doubt := endpoint.CodeOf(result.Err) == endpoint.InDoubt
				if doubt && route != moveMail || !doubt && (n == 1) != (result.Err == nil) {
					t.Errorf("%d items after %v", n, result.Err)
				}
				if n == 0 {
					result = f.put(t, item)
				}
				f.arrived(t, item, result)
			})
		}
	}
}

func TestCRLFReader(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "\n": "\r\n", "a\nb\r\n\n\r": "a\r\nb\r\n\r\n\r", "\r\r\n": "\r\r\n"} {
		got, err := io.ReadAll(iotest.OneByteReader(&crlfReader{r: bufio.NewReader(strings.NewReader(in))}))
		if err != nil || string(got) != want {
			t.Errorf("%q became %q, want %q: %v", in, got, want, err)
		}
	}
}
