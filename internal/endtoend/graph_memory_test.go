package endtoend_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/pass"
)

const (
	// servesGraph is set in the process that serves the tests of memory, for the fake holds whole messages. Its value says
	// whether the mailbox has a large one from the beginning.
	servesGraph = "DANDYROLL_TEST_GRAPHSERVE"
	// largeFile is the size of what is attached to the large message, of which base64 makes 100 MB.
	largeFile = 57 * 1_400_000
	// maxGrowth is how much more heap a pass may take for it.
	maxGrowth = 32 << 20
)

// largeMessage is a message of more than 100 MB.
func largeMessage() []byte {
	var b bytes.Buffer
	b.WriteString("From: bob@old.example\r\nTo: ann@new.example\r\nSubject: large\r\nMessage-ID: <large@old.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n" +
		"--b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=large.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for line := range slices.Chunk(largeBytes(), 57) {
		b.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
	}
	b.WriteString("--b--\r\n")
	return b.Bytes()
}

func largeBytes() []byte {
	file := make([]byte, largeFile)
	for i := range file {
		file[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return file
}

// TestServeGraph is the process that serves.
func TestServeGraph(t *testing.T) {
	if os.Getenv(servesGraph) == "" {
		t.Skip("only for the tests of memory")
	}
	s := startGraph(t)
	box := s.AddMailbox(annGraph, "Ann")
	if os.Getenv(servesGraph) == "large" {
		if _, err := box.Deliver("inbox", largeMessage(), graphserve.Delivery{}); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println(s.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other process ends
}

// serveElsewhere starts a fake of the service in another process and returns its root.
func serveElsewhere(t *testing.T, value string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServeGraph$")
	cmd.Env = append(os.Environ(), servesGraph+"="+value)
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
	lines := bufio.NewReader(out)
	t.Cleanup(func() {
		_ = in.Close()
		rest, _ := io.ReadAll(lines)
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("%v: %s", err, rest)
		}
	})
	root, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(root)
}

func elsewhere(root string) opening {
	return func(ctx context.Context) (*endpoint.Mailbox, error) {
		return graphendpoint.Open(ctx, graphendpoint.Config{User: annGraph, Root: root, Credential: graphendpoint.Token(graphserve.DefaultToken)})
	}
}

// heapGrowth is by how much the heap grows while f runs.
func heapGrowth(f func()) int64 {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most := before.HeapAlloc
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	return int64(<-peak) - int64(before.HeapAlloc)
}

// runSmall moves the one message of a mailbox, in hardly more memory than a pass takes that moves nothing: the database takes most.
func (m *move) runSmall() {
	m.t.Helper()
	nothing := heapGrowth(func() {
		m.run(pass.Options{Select: pass.Selection{MaxSize: 1000}}, pass.Counts{Listed: 1, Filtered: 1})
	})
	grew := heapGrowth(func() { m.run(pass.Options{}, pass.Counts{Listed: 1, Migrated: 1}) })
	if m.t.Logf("the heap grew by %d MB, %d MB without the message", grew>>20, nothing>>20); grew-nothing > maxGrowth {
		m.t.Errorf("the heap grew by %d MB more for a message of 100 MB", (grew-nothing)>>20)
	}
}

// TestLargeMailToGraph moves a message of 100 MB from Dovecot to the service. It does not run beside other tests, whose memory
// it would measure.
func TestLargeMailToGraph(t *testing.T) {
	imap := dovecot.Start(t, dovecot.Config{Format: "sdbox", NoFsync: true})
	user(t, imap).Append("INBOX", nil, "", largeMessage())
	root := serveElsewhere(t, "empty")
	newMove(t, imapBox(imap), elsewhere(root)).runSmall()

	inbox := root + "/users/" + annGraph + "/mailFolders/inbox/messages"
	var found struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
	}
	get(t, inbox, &found)
	if len(found.Value) != 1 {
		t.Fatalf("%d messages", len(found.Value))
	}
	files := root + "/users/" + annGraph + "/messages/" + url.PathEscape(found.Value[0].ID) + "/attachments"
	get(t, files+"?$select=id,name", &found)
	if len(found.Value) != 1 {
		t.Fatalf("%d attachments", len(found.Value))
	}
	sum := sha256.New()
	get(t, files+"/"+url.PathEscape(found.Value[0].ID)+"/$value", sum)
	if want := sha256.Sum256(largeBytes()); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("the attachment arrived as another")
	}
}

// get reads an answer of the service into a value of JSON, or into a writer.
func get(t *testing.T, address string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+graphserve.DefaultToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if w, is := into.(io.Writer); is {
		_, err = io.Copy(w, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(into)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
}

// TestLargeMailFromGraph moves a message of 100 MB from the service to Dovecot.
func TestLargeMailFromGraph(t *testing.T) {
	imap := dovecot.Start(t, dovecot.Config{Format: "sdbox", NoFsync: true})
	newMove(t, elsewhere(serveElsewhere(t, "large")), imapBox(imap)).runSmall()

	all := user(t, imap).Messages("INBOX")
	if len(all) != 1 {
		t.Fatalf("%d messages", len(all))
	}
	m, err := mail.ReadMessage(bytes.NewReader(all[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		if part.FileName() == "large.zip" {
			if _, err := io.Copy(sum, base64.NewDecoder(base64.StdEncoding, part)); err != nil {
				t.Error(err)
			}
		}
	}
	if want := sha256.Sum256(largeBytes()); !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Error("the attachment arrived as another")
	}
}
