package graphendpoint

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	postImport = "POST /outlook/import/{secret}"
	patchMail  = "PATCH /users/{user}/messages/{message}"
	moveMail   = "POST /users/{user}/messages/{message}/move"
)

// markNo returns the same mark for the same number.
func markNo(n byte) watermark.Mark {
	key, err := watermark.KeyFromBytes(bytes.Repeat([]byte{7}, watermark.KeySize))
	if err != nil {
		panic(err)
	}
	return key.Mark(watermark.Types{Source: typeName, Destination: typeName}, "ann", 1, watermark.ID{n})
}

// exported is a message as another mailbox exports it.
func exported(t *testing.T, s *graphserve.Server) endpoint.Content {
	t.Helper()
	bob := s.AddMailbox("bob@old.example", "Bob")
	ref, err := bob.Deliver("inbox", []byte("Subject: hello\r\nMessage-ID: <1@old.example>\r\n\r\nbody\r\n"), graphserve.Delivery{
		Read: true, Received: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := testDriver(t, s, func(c *Config) { c.User = "bob@old.example" })
	content, err := (&transfer{client: d.client}).export(t.Context(), ref, reading{room: newRoom(1 << 20), tempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = content.Close() })
	return content
}

func TestExportAndImport(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	box := s.AddMailbox(address, "Ann")
	tr := &transfer{client: testDriver(t, s, nil).client}
	if exports, imports, err := tr.able(t.Context()); !exports || !imports || err != nil {
		t.Fatalf("exports %v, imports %v, %v", exports, imports, err)
	}
	result := tr.put(t.Context(), box.Folder("Inbox"), endpoint.Put{Mark: markNo(1), Kind: endpoint.Mail, Content: exported(t, s)})
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	it, err := box.Item(result.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if it.ID != result.Ref || it.Fields["subject"] != "hello" || it.Fields["isRead"] != true || it.Fields["isDraft"] == true ||
		!received(t, it).Equal(time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("the item arrived as %v", it.Fields)
	}
	wantMarked(t, box, "inbox", markNo(1))
	if s.LeakedTokens() != 0 {
		t.Error("the token was sent to the address of the import")
	}
}

// wantMarked checks that a folder holds just one item, and which mark it has.
func wantMarked(t *testing.T, box *graphserve.Mailbox, folder string, mark watermark.Mark) {
	t.Helper()
	items, err := box.Items(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(items) != 1 || !strings.Contains(strings.Join(values(items[0].Properties), " "), mark.String()) {
		t.Errorf("the folder has %d items, want one with its mark: %v", len(items), items)
	}
}

func values(m map[string]string) (all []string) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// Wherever an import is cut, no item without a mark is in the folder, and a put that says it failed has left none there.
func TestImportFaults(t *testing.T) {
	t.Parallel()
	for _, route := range []string{postImport, patchMail, moveMail, postFolders} {
		for name, kind := range map[string]graphserve.FaultKind{
			"unavailable": graphserve.UnavailableBefore, "done but timed out": graphserve.TimeoutAfter, "reset": graphserve.ResetAfter,
			"truncated": graphserve.Truncated, "expired": graphserve.TokenExpired, "throttled": graphserve.Throttled,
		} {
			t.Run(route+" "+name, func(t *testing.T) {
				t.Parallel()
				s := startServer(t, graphserve.Quirks{})
				box := s.AddMailbox(address, "Ann")
				content := exported(t, s)
				tr := &transfer{client: testDriver(t, s, nil).client}
				s.Inject(graphserve.Fault{Route: route, Kind: kind})
				put := endpoint.Put{Mark: markNo(1), Kind: endpoint.Mail, Content: content}
				result := tr.put(t.Context(), box.Folder("Inbox"), put)
				items, err := box.Items("inbox")
				if err != nil {
					t.Fatal(err)
				}
				switch endpoint.CodeOf(result.Err) {
				case endpoint.InDoubt:
					if route != moveMail {
						t.Errorf("in doubt, although nothing can be there: %v", result.Err)
					}
				case endpoint.Unavailable, endpoint.Unauthenticated, endpoint.Unknown:
					if (len(items) == 1) != (result.Err == nil) {
						t.Errorf("%d items after %v", len(items), result.Err)
					}
				default:
					t.Errorf("error is %v", result.Err)
				}
				if len(items) == 1 {
					wantMarked(t, box, "inbox", markNo(1))
					return
				}
				if result = tr.put(t.Context(), box.Folder("Inbox"), put); result.Err != nil {
					t.Fatal(result.Err)
				}
				wantMarked(t, box, "inbox", markNo(1))
			})
		}
	}
}

func TestImportIsNotAllowed(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	s.AddMailbox(address, "Ann")
	tr := &transfer{client: testDriver(t, s, nil).client}
	s.Inject(graphserve.Fault{Route: "POST /admin/exchange/mailboxes/{mailbox}/exportItems", Kind: graphserve.Forbidden})
	if exports, imports, err := tr.able(t.Context()); exports || !imports || err != nil {
		t.Errorf("exports %v, imports %v, %v", exports, imports, err)
	}
	s.Inject(graphserve.Fault{Route: "GET /users/{user}/settings/exchange", Kind: graphserve.Forbidden})
	tr = &transfer{client: tr.client}
	if exports, imports, err := tr.able(t.Context()); exports || imports || err != nil {
		t.Errorf("exports %v, imports %v, %v", exports, imports, err)
	}
}

func TestStagingOfEarlierDaysGoes(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	box := s.AddMailbox(address, "Ann")
	for _, name := range []string{stagingName + " 2020-01-02", "Dandyroll", "Other"} {
		if _, err := box.CreateFolder(box.Folder(), name); err != nil {
			t.Fatal(err)
		}
	}
	tr := &transfer{client: testDriver(t, s, nil).client}
	if _, err := tr.makeStaging(t.Context(), stagingName+" 2020-01-01"); err != nil {
		t.Fatal(err)
	}
	first, err := tr.stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := &transfer{client: tr.client}
	if second, err := again.stage(t.Context()); second != first || err != nil {
		t.Errorf("another session has another folder: %q, %q, %v", first, second, err)
	}
	if box.Folder(stagingName+" 2020-01-01") != "" {
		t.Error("the folder of an earlier day is still there")
	}
	for _, name := range []string{stagingName + " 2020-01-02", "Dandyroll", "Other"} { // none of them is hidden
		if box.Folder(name) == "" {
			t.Errorf("folder %q was deleted", name)
		}
	}
	it, err := box.Item(first)
	if err != nil || it.Fields["isHidden"] != true {
		t.Errorf("the folder is %v, %v", it.Fields, err)
	}
}

func TestSeekString(t *testing.T) {
	t.Parallel()
	cases := []struct{ in, found, value string }{
		{`{"value":[{"itemId":"data","data":"YWJj"}]}`, "data", "YWJj"},
		{`{"value":[{"itemId":"\"data\":\"x","data" : "YW\/_-Jj","code":"no"}]}`, "data", "YW//+Jj"},
		{`{"value":[{"data":null,"error":{"code":"ErrorItemNotFound","message":"data"}}]}`, "code", "ErrorItemNotFound"},
		{`{"value":[{"` + strings.Repeat("x", 5000) + `":"` + strings.Repeat("y", 5000) + `","data":""}]}`, "data", ""},
	}
	for _, c := range cases {
		r := bufio.NewReader(iotest.OneByteReader(strings.NewReader(c.in)))
		found, err := seekString(r, "data", "code")
		value, readErr := io.ReadAll(&textReader{r: r})
		if found != c.found || string(value) != c.value || err != nil || readErr != nil {
			t.Errorf("%.60s: found %q %q, %v, %v", c.in, found, value, err, readErr)
		}
	}
	for _, in := range []string{"", `{"value":[]}`, `{"data`, `{"data":`, `{"data":"abc`, `{"data\`} {
		r := bufio.NewReader(strings.NewReader(in))
		_, err := seekString(r, "data")
		if err == nil {
			_, err = io.ReadAll(&textReader{r: r})
		}
		if err == nil {
			t.Errorf("%s: no error", in)
		}
	}
}

// FuzzSeekString reads what package json would find, from anything that package json reads.
func FuzzSeekString(f *testing.F) {
	f.Add(`{"value":[{"itemId":"x","data":"YWJj"}]}`)
	f.Add(`{"a":"data","b":{"data":""}}`)
	f.Fuzz(func(t *testing.T, in string) {
		r := bufio.NewReader(strings.NewReader(in))
		_, err := seekString(r, "data")
		var parsed map[string]string
		if json.Unmarshal([]byte(in), &parsed) != nil || strings.Contains(in, `\`) {
			return
		}
		if _, has := parsed["data"]; has != (err == nil) {
			t.Errorf("found: %v, json found it: %v", err, has)
		}
	})
}

// The body of an import has just the size that it says, for contents of any size.
func TestImportBody(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2, 3, 4, 1000} {
		want := bytes.Repeat([]byte{'x'}, size)
		body := importBody(`a"b`, endpoint.Bytes(FastTransfer, want))
		r, err := body.open()
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(r)
		if err != nil || int64(len(all)) != body.size {
			t.Errorf("%d bytes, said %d, %v", len(all), body.size, err)
		}
		var sent struct {
			Folder     string `json:"FolderId"`
			Mode, Data string
		}
		if err := json.Unmarshal(all, &sent); err != nil || sent.Folder != `a"b` || sent.Mode != "create" {
			t.Errorf("sent %s, %v", all, err)
		}
		if got, err := base64.StdEncoding.DecodeString(sent.Data); err != nil || !bytes.Equal(got, want) {
			t.Errorf("sent %d bytes of content, %v", len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
