package graphendpoint

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const (
	createMail = "POST /users/{user}/mailFolders/{folder}/messages"
	postFile   = "POST /users/{user}/messages/{message}/attachments"
	openUpload = "POST /users/{user}/messages/{message}/attachments/createUploadSession"
	putSlice   = "PUT /outlook/upload/{secret}"
)

// putFixture is a mailbox into which mail is put.
type putFixture struct {
	shelf  mailShelf
	server *graphserve.Server
	box    *graphserve.Mailbox
}

func startPut(t testing.TB, quirks graphserve.Quirks, clock func() time.Time) putFixture {
	t.Helper()
	s := graphserve.New(graphserve.Config{Quirks: quirks, Clock: clock})
	t.Cleanup(s.Close)
	c := testDriver(t, s, nil).client
	return putFixture{mailShelf{client: c, transfer: &transfer{client: c}}, s, s.AddMailbox(address, "Ann")}
}

func mailPut(content endpoint.Content, flags ...endpoint.Flag) endpoint.Put {
	return endpoint.Put{
		Mark: markNo(1), Kind: endpoint.Mail, Content: content, Flags: flags, Received: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func (f putFixture) put(t testing.TB, item endpoint.Put) endpoint.PutResult {
	t.Helper()
	return f.shelf.put(t.Context(), f.box.Folder("Inbox"), item)
}

// items are those that are in the inbox.
func (f putFixture) items(t testing.TB) []graphserve.Item {
	t.Helper()
	items, err := f.box.Items("inbox")
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// one puts an item that must arrive, and returns it.
func (f putFixture) one(t testing.TB, item endpoint.Put) graphserve.Item {
	t.Helper()
	result := f.put(t, item)
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	return f.arrived(t, item, result)
}

// arrived is the only item in the inbox, which must be that of the result, with its mark and complete.
func (f putFixture) arrived(t testing.TB, item endpoint.Put, result endpoint.PutResult) graphserve.Item {
	t.Helper()
	items := f.items(t)
	if len(items) != 1 {
		t.Fatalf("%d items, want one", len(items))
	}
	it := items[0]
	if result.Ref != "" && it.ID != result.Ref {
		t.Errorf("the item is %q, was said to be %q", it.ID, result.Ref)
	}
	if !slices.Contains(values(it.Properties), item.Mark.String()) {
		t.Errorf("no mark among %v", it.Properties)
	}
	draft := slices.Contains(item.Flags, endpoint.Draft)
	if it.Fields["isDraft"] != draft {
		t.Errorf("isDraft is %v, want %v", it.Fields["isDraft"], draft)
	}
	return it
}

// letter is a message with attachments of some sizes.
func letter(sizes ...int) endpoint.Content {
	var b strings.Builder
	b.WriteString("From: Bob <bob@old.example>\r\nTo: ann@new.example\r\nSubject: with files\r\nDate: Wed, 1 Jan 2020 00:00:00 +0000\r\n" +
		"Message-ID: <files@old.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=bnd\r\n\r\n" +
		"--bnd\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n")
	for i, size := range sizes {
		fmt.Fprintf(&b, "--bnd\r\nContent-Type: application/x-test\r\nContent-Disposition: attachment; filename=file%d\r\n"+
			"Content-Transfer-Encoding: base64\r\n\r\n", i)
		text := base64.StdEncoding.EncodeToString(fileBytes(i, size))
		for line := range slices.Chunk([]byte(text), 76) {
			b.Write(line)
			b.WriteString("\r\n")
		}
	}
	b.WriteString("--bnd--\r\n")
	return mailContent(b.String())
}

// fileBytes are those of an attachment; they are different everywhere.
func fileBytes(n, size int) []byte {
	b := make([]byte, size+8)
	fill(b, uint64(n)<<32) //nolint:gosec // small numbers
	return b[:size]
}

// fill fills all but the last bytes of b, eight at a time: the race detector makes one at a time slow.
func fill(b []byte, from uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], (from+uint64(i))*0x9E3779B97F4A7C15) //nolint:gosec // an index is positive
	}
}

// wantFiles checks that an item has the attachments of letter.
func wantFiles(t testing.TB, it graphserve.Item, sizes ...int) {
	t.Helper()
	if len(it.Attachments) != len(sizes) {
		t.Errorf("attachments %v, want %d", slices.Collect(maps.Keys(it.Attachments)), len(sizes))
	}
	for i, size := range sizes {
		if !bytes.Equal(it.Attachments[fmt.Sprintf("file%d", i)], fileBytes(i, size)) {
			t.Errorf("attachment %d of %d bytes came as another", i, size)
		}
	}
}

func TestPutMail(t *testing.T) {
	t.Parallel()
	f := startPut(t, graphserve.Quirks{RestrictUpdates: true}, nil)
	item := mailPut(letter(10, 1000), endpoint.Seen, endpoint.IsFlagged, endpoint.Answered, endpoint.Deleted, "Grün", "$Junk")
	result := f.put(t, item)
	if result.Err != nil || !slices.Equal(result.Dropped, []endpoint.Flag{"$Junk"}) {
		t.Fatalf("%v, dropped %v", result.Err, result.Dropped)
	}
	it := f.arrived(t, item, result)
	wantFiles(t, it, 10, 1000)
	for name, want := range map[string]any{
		"subject": "with files", "isRead": true, "receivedDateTime": "2020-01-02T03:04:05Z", "sentDateTime": "2020-01-01T00:00:00Z",
		"internetMessageId": "<files@old.example>",
	} {
		if it.Fields[name] != want {
			t.Errorf("%s is %v, want %v", name, it.Fields[name], want)
		}
	}
	flags := flagsOf(it)
	for _, flag := range []endpoint.Flag{endpoint.IsFlagged, endpoint.Answered, endpoint.Deleted, "Grün"} {
		if !slices.Contains(flags, flag) {
			t.Errorf("flags %v, without %v", flags, flag)
		}
	}
	if n := len(f.server.Requests()); n != 1 {
		t.Errorf("%d requests, want one", n)
	}
}

func TestPutDraft(t *testing.T) {
	t.Parallel()
	f := startPut(t, graphserve.Quirks{}, nil)
	if it := f.one(t, mailPut(letter(), endpoint.Draft)); it.Fields["isRead"] != false {
		t.Error("an unread draft became a read one")
	}
}

// Sizes on either side of every limit: those of a request, of an attachment in one, of a slice.
func TestPutAttachmentsOfAllSizes(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{
		{0},
		{1, 2, 3},
		{2_500_000, 2_500_000},
		{maxPosted - 1},
		{minUploaded - 10_000},
		{sliceSize},
		{2*sliceSize - 1, 100},
	} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			t.Parallel()
			f := startPut(t, graphserve.Quirks{RestrictUpdates: true}, nil)
			wantFiles(t, f.one(t, mailPut(letter(sizes...))), sizes...)
			f.wantClean(t)
		})
	}
}

// wantClean checks that nothing was left in the folder of ours, and that no token went to an upload.
func (f putFixture) wantClean(t testing.TB) {
	t.Helper()
	if f.server.LeakedTokens() != 0 {
		t.Error("the token was sent to the address of an upload")
	}
	if n := f.leftOver(t); n != 0 {
		t.Errorf("%d messages were left behind", n)
	}
}

func (f putFixture) leftOver(t testing.TB) int {
	t.Helper()
	id := f.box.Folder(stagingName + time.Now().UTC().Format(" 2006-01-02"))
	if id == "" {
		return 0
	}
	items, err := f.box.Items(id)
	if err != nil {
		t.Fatal(err)
	}
	return len(items)
}

// An attachment that neither way takes goes within the original message.
func TestPutAttachmentThatFitsNoWay(t *testing.T) {
	t.Parallel()
	f := startPut(t, graphserve.Quirks{}, nil)
	content := letter(minUploaded - 1)
	it := f.one(t, mailPut(content))
	if original := it.Attachments["original.eml"]; int64(len(original)) != content.Size() {
		t.Errorf("attachments %v", slices.Collect(maps.Keys(it.Attachments)))
	}
	f.wantClean(t)
}

// Wherever a put is cut, there is either the whole item, or none and no mark; a put that follows leaves one.
func TestPutFaults(t *testing.T) {
	t.Parallel()
	const posted, uploaded = 2_650_000, sliceSize + 5 // in a request of its own, and in two slices
	for _, place := range []struct {
		route string
		skip  int
		size  int
	}{
		{createMail, 0, posted},
		{postFile, 0, posted},
		{openUpload, 0, uploaded},
		{putSlice, 0, uploaded},
		{putSlice, 1, uploaded},
		{moveMail, 0, posted},
	} {
		item := mailPut(letter(place.size))
		for name, kind := range map[string]graphserve.FaultKind{
			"unavailable": graphserve.UnavailableBefore, "done but timed out": graphserve.TimeoutAfter, "reset": graphserve.ResetAfter,
		} {
			t.Run(fmt.Sprint(place.route, " ", place.skip, " ", name), func(t *testing.T) {
				t.Parallel()
				f := startPut(t, graphserve.Quirks{RestrictUpdates: true}, nil)
				f.server.Inject(graphserve.Fault{Route: place.route, Kind: kind, Skip: place.skip})
				f.survives(t, item, place.size, place.route)
			})
		}
	}
}

func (f putFixture) survives(t *testing.T, item endpoint.Put, size int, route string) {
	t.Helper()
	result := f.put(t, item)
	switch endpoint.CodeOf(result.Err) {
	case endpoint.InDoubt:
		if route != moveMail {
			t.Errorf("in doubt, although nothing can be there: %v", result.Err)
		}
	case endpoint.Unavailable, endpoint.Unauthenticated, endpoint.Unknown:
		if n := len(f.items(t)); (n == 1) != (result.Err == nil) {
			t.Errorf("%d items after %v", n, result.Err)
		}
	default:
		t.Errorf("error is %v", result.Err)
	}
	if len(f.items(t)) == 0 {
		if result = f.put(t, item); result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	wantFiles(t, f.arrived(t, item, result), size)
}

// Between slices, it is waited for as long as the service wants.
func TestUploadIsThrottled(t *testing.T) {
	t.Parallel()
	f := startPut(t, graphserve.Quirks{}, nil)
	f.server.Inject(graphserve.Fault{Route: putSlice, Kind: graphserve.Throttled, Skip: 1, Times: 2})
	wantFiles(t, f.one(t, mailPut(letter(sliceSize+5))), sliceSize+5)
	if n := f.server.Count(putSlice); n != 4 {
		t.Errorf("%d requests, want two slices and two that were throttled", n)
	}
}

// A message that is made in one request is in doubt when the answer to it is lost, and nothing else.
func TestPutInDoubt(t *testing.T) {
	t.Parallel()
	for kind, there := range map[graphserve.FaultKind]int{
		graphserve.TimeoutAfter: 1, graphserve.ResetAfter: 1, graphserve.Truncated: 1, graphserve.UnavailableAfter: 1,
		graphserve.TimeoutBefore: 0, graphserve.ResetBefore: 0,
	} {
		f := startPut(t, graphserve.Quirks{}, nil)
		f.server.Inject(graphserve.Fault{Route: createMail, Kind: kind})
		if result := f.put(t, mailPut(letter(1))); endpoint.CodeOf(result.Err) != endpoint.InDoubt || len(f.items(t)) != there {
			t.Errorf("fault %d: %v, %d items", kind, result.Err, len(f.items(t)))
		}
	}
}

// When an upload session ends in the middle, another follows.
func TestUploadSessionIsLost(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	f := startPut(t, graphserve.Quirks{}, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	content := letter(2 * sliceSize)
	source := content
	calls := 0
	watched := testContent{size: source.Size(), open: func() io.Reader {
		r, err := source.Open()
		if err != nil {
			t.Error(err)
		}
		calls++
		if calls == 2 { // the first upload: its session expires after the first slice
			return io.MultiReader(io.LimitReader(r, sliceSize*3/2), doing(func() { late.Store(int64(3 * time.Hour)) }), r)
		}
		return r
	}}
	wantFiles(t, f.one(t, mailPut(watched)), 2*sliceSize)
	if calls < 3 {
		t.Errorf("the content was opened %d times: no session was lost", calls)
	}
	f.wantClean(t)
}

// doing is a reader that has nothing, but does something.
type doing func()

func (d doing) Read([]byte) (int, error) {
	d()
	return 0, io.EOF
}

// A content that changes or fails between its readings leaves nothing behind.
func TestPutOfContentThatChanges(t *testing.T) {
	t.Parallel()
	source := letter(2*sliceSize, 2_000_000)
	for _, sick := range []int{2, 3} {
		f, calls := startPut(t, graphserve.Quirks{}, nil), 0
		result := f.put(t, mailPut(testContent{size: source.Size(), open: func() io.Reader {
			r, err := source.Open()
			if err != nil {
				t.Error(err)
			}
			if calls++; calls == sick {
				return io.LimitReader(r, source.Size()/4)
			}
			return r
		}}))
		if endpoint.CodeOf(result.Err) != endpoint.Damaged || len(f.items(t)) != 0 {
			t.Errorf("reading %d: %v, %d items", sick, result.Err, len(f.items(t)))
		}
		f.wantClean(t)
	}
}

// refusing answers the first creates of messages as the service answers what it does not like in one.
type refusing struct {
	next http.RoundTripper
	left atomic.Int64
}

func (r *refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/messages") || r.left.Add(-1) < 0 {
		return r.next.RoundTrip(req)
	}
	_, _ = io.Copy(io.Discard, req.Body)
	return &http.Response{
		StatusCode: http.StatusBadRequest, ProtoMajor: 1, Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"error":{"code":"ErrorInvalidRecipients","message":"At least one recipient is not valid."}}`)),
	}, req.Body.Close()
}

// What the service refuses does not keep the rest from arriving.
func TestPutIsRefused(t *testing.T) {
	t.Parallel()
	for refusals, file := range []string{"", "header.txt", "original.eml"} {
		f := startPut(t, graphserve.Quirks{}, nil)
		f.refuse(int64(refusals))
		it := f.one(t, mailPut(letter(10), endpoint.Seen))
		if it.Fields["receivedDateTime"] != "2020-01-02T03:04:05Z" || it.Fields["isRead"] != true || it.Fields["subject"] != "with files" {
			t.Errorf("flags or dates were lost: %v", it.Fields)
		}
		list, _ := it.Fields["toRecipients"].([]any) // none is none
		if (len(list) == 0) != (refusals > 0) {
			t.Errorf("recipients %v after %d refusals", list, refusals)
		}
		if file != "" && !bytes.Contains(it.Attachments[file], []byte("To: ann@new.example")) {
			t.Errorf("no %s among %v", file, slices.Collect(maps.Keys(it.Attachments)))
		}
	}
	f := startPut(t, graphserve.Quirks{}, nil)
	f.refuse(3)
	if result := f.put(t, mailPut(letter())); endpoint.CodeOf(result.Err) != endpoint.Rejected || len(f.items(t)) != 0 {
		t.Errorf("%v, %d items", result.Err, len(f.items(t)))
	}
}

func (f putFixture) refuse(times int64) {
	r := &refusing{next: f.shelf.wire.base}
	r.left.Store(times)
	f.shelf.wire.base = r
}

// forgetful takes the flags out of creates, as if the service ignored them, which makes drafts.
type forgetful struct{ next http.RoundTripper }

func (f forgetful) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/messages") {
		return f.next.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	changed := req.Clone(req.Context())
	changed.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(flagsProperty), []byte("Integer 0x0EFF"))))
	return f.next.RoundTrip(changed)
}

// Nothing becomes a draft by accident, and stays there.
func TestPutDoesNotLeaveDrafts(t *testing.T) {
	t.Parallel()
	f := startPut(t, graphserve.Quirks{}, nil)
	f.shelf.wire.base = forgetful{f.shelf.wire.base}
	if result := f.put(t, mailPut(letter())); endpoint.CodeOf(result.Err) != endpoint.Unsupported || len(f.items(t)) != 0 {
		t.Errorf("%v, %d items", result.Err, len(f.items(t)))
	}
}

func TestNextOfUpload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		end    int64 // of the slice, of 100 bytes
		want   int64 // or 0 for an error
		whole  bool
	}{
		{http.StatusOK, `{"nextExpectedRanges":["40"]}`, 50, 40, false},
		{http.StatusOK, `{"nextExpectedRanges":["50-"]}`, 50, 50, false},
		{http.StatusAccepted, `{"nextExpectedRanges":["50-99"]}`, 50, 50, false},
		{http.StatusOK, `{"nextExpectedRanges":["x"]}`, 50, 0, false},
		{http.StatusOK, `{}`, 50, 50, false},
		{http.StatusNoContent, ``, 100, 100, false},
		{http.StatusCreated, ``, 100, 100, true},
		{http.StatusCreated, ``, 50, 0, false},
	} {
		u := &uploading{size: 100}
		next, err := u.expected(&http.Response{StatusCode: c.status, Body: io.NopCloser(strings.NewReader(c.body))}, c.end)
		if next != c.want || (err != nil) != (c.want == 0) || u.created != c.whole {
			t.Errorf("%d %s: %d, %v, whole %v", c.status, c.body, next, err, u.created)
		}
	}
}

// servesMemory is set in the process that serves TestPutMemory, whose own memory is measured.
const servesMemory = "DANDYROLL_TEST_GRAPHSERVE"

// TestServeMemory is that process: it names its address and serves until its input ends.
func TestServeMemory(t *testing.T) {
	if os.Getenv(servesMemory) == "" {
		t.Skip("only for TestPutMemory")
	}
	s := startServer(t, graphserve.Quirks{})
	s.AddMailbox(address, "Ann")
	fmt.Println(s.URL())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// serveElsewhere starts a server in another process and returns its root.
func serveElsewhere(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServeMemory$")
	cmd.Env = append(os.Environ(), servesMemory+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	root, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(root)
}

// TestPutMemory puts a message of 50 MB, which is made while it is read, into a mailbox of another process.
func TestPutMemory(t *testing.T) {
	const blocks = 685 // 37 MB, of which base64 makes 50
	root, err := url.Parse(serveElsewhere(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(root, address, Token(graphserve.DefaultToken), nil)
	if err != nil {
		t.Fatal(err)
	}
	content := generated(blocks)
	if content.Size() < 50<<20 {
		t.Fatalf("the message has %d bytes", content.Size())
	}
	var result endpoint.PutResult
	peak := peakHeap(func() {
		result = mailShelf{client: c, transfer: &transfer{client: c}}.put(t.Context(), "inbox", mailPut(content))
	})
	if result.Err != nil || peak > 32<<20 {
		t.Fatalf("the heap grew by %d MB: %v", peak>>20, result.Err)
	}
	t.Logf("the heap grew by %d MB", peak>>20)
	if got, want := onlyFile(t, c, result.Ref), sha256Of(t, repeated(block(), blocks)); got != want {
		t.Error("the attachment arrived as another")
	}
}

// onlyFile is a digest of the only attachment of a message.
func onlyFile(t *testing.T, c *client, id string) string {
	t.Helper()
	item := path("users", c.user, "messages", id) + "/attachments"
	var files struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	if err := c.ask(t.Context(), request{method: http.MethodGet, path: item + "?$select=id"}, &files); err != nil || len(files.Value) != 1 {
		t.Fatalf("%d attachments: %v", len(files.Value), err)
	}
	resp, err := c.raw(t.Context(), request{method: http.MethodGet, path: item + path(files.Value[0].ID, "$value")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return sha256Of(t, resp.Body)
}

// peakHeap is by how much the heap grows while f runs.
func peakHeap(f func()) uint64 {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var now runtime.MemStats
		most := before.HeapAlloc
		for {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	return <-peak - before.HeapAlloc
}

// generated is a message with one attachment of some blocks, which is made when it is read.
func generated(blocks int) endpoint.Content {
	const head = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=bnd\r\n\r\n--bnd\r\n\r\ntext\r\n" +
		"--bnd\r\nContent-Type: x/y; name=big\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	const tail = "--bnd--\r\n"
	var encoded bytes.Buffer
	for line := range slices.Chunk(block(), 57) {
		encoded.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
	}
	size := int64(len(head)) + int64(blocks)*int64(encoded.Len()) + int64(len(tail))
	return testContent{size: size, open: func() io.Reader {
		return io.MultiReader(strings.NewReader(head), repeated(encoded.Bytes(), blocks), strings.NewReader(tail))
	}}
}

// block is a prime number of lines, so that no slice is as another.
func block() []byte { return fileBytes(1, 57*1009) }

func repeated(b []byte, times int) io.Reader {
	readers := make([]io.Reader, times)
	for i := range readers {
		readers[i] = bytes.NewReader(b)
	}
	return io.MultiReader(readers...)
}

func sha256Of(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
