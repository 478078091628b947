package imapendpoint

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
)

// benchWindow is how many bytes a caller hands over with one Put.
const benchWindow = 32 << 20

// BenchmarkPut writes to a Dovecot, near and 20 ms away: with the driver, and the same bytes with as
// little as will do, one MULTIAPPEND after the other on a socket. Each iteration fills a folder in
// either way, and the quickest of each are compared: a busy machine disturbs all others.
func BenchmarkPut(b *testing.B) {
	for _, corpus := range []struct{ count, size int }{{20_000, 3_000}, {2_000, 67_000}} {
		items := benchItems(corpus.count, corpus.size)
		for _, format := range []string{"maildir", "sdbox"} {
			srv := dovecot.Start(b, dovecot.Config{Format: format, NoFsync: true})
			for _, delay := range []time.Duration{0, 10 * time.Millisecond} {
				addr := srv.Addr()
				if delay > 0 {
					addr = relay(b, addr, delay)
				}
				name := fmt.Sprintf("%dx%d/%s/%v", corpus.count, corpus.size, format, 2*delay)
				b.Run(name, func(b *testing.B) { benchBoth(b, srv, addr, items) })
			}
		}
	}
}

func benchItems(count, size int) []endpoint.Put {
	items := make([]endpoint.Put, count)
	flags := [][]endpoint.Flag{{endpoint.Seen}, {}, {endpoint.Seen, endpoint.Answered}, {endpoint.Seen, "$Forwarded"}}
	for i := range items {
		text := message(i)
		text += strings.Repeat(strings.Repeat("x", 75)+"\r\n", (size-len(text))/77)
		items[i] = testPut(i, text)
		items[i].Mark.Item[2] = byte(i >> 16)
		items[i].Flags = flags[max(0, i%40-36)]
	}
	return items
}

func benchBoth(b *testing.B, srv *dovecot.Server, addr string, items []endpoint.Put) {
	b.Helper()
	raw, driver := time.Duration(1<<62), time.Duration(1<<62)
	for b.Loop() {
		raw = min(raw, timePut(b, srv, items, rawPut(addr)))
		driver = min(driver, timePut(b, srv, items, driverPut(addr)))
	}
	b.ReportMetric(float64(len(items))/driver.Seconds(), "messages/s")
	b.ReportMetric(float64(len(items))/raw.Seconds(), "raw-messages/s")
	b.ReportMetric(100*raw.Seconds()/driver.Seconds(), "%-of-raw")
}

// timePut fills a new folder, and checks that everything is there.
func timePut(b *testing.B, srv *dovecot.Server, items []endpoint.Put, put func(*testing.B, string, []endpoint.Put)) time.Duration {
	b.Helper()
	raw := imapraw.Dial(b, srv.Addr())
	defer raw.Close()
	raw.Login("ann", "secret")
	raw.Create("bench")
	began := time.Now()
	put(b, "bench", items)
	took := time.Since(began)
	status := raw.Cmd("STATUS bench (MESSAGES)")
	if want := fmt.Sprintf("MESSAGES %d", len(items)); len(status) == 0 || !strings.Contains(status[0].Text, want) {
		b.Fatalf("the folder holds %v, want %s", status, want)
	}
	raw.Delete("bench")
	return took
}

func driverPut(addr string) func(*testing.B, string, []endpoint.Put) {
	return func(b *testing.B, folder string, items []endpoint.Put) {
		b.Helper()
		m, err := Open(b.Context(), Config{Addr: addr, Security: Plaintext, Username: "ann", Password: "secret"})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = m.Close() }()
		n, size := 0, int64(0)
		for i, it := range items {
			if size += it.Content.Size(); size < benchWindow && i < len(items)-1 {
				continue
			}
			for r, err := range m.Put(b.Context(), endpoint.Folder{ID: folder, Path: []string{folder}}, items[n:i+1]) {
				if err != nil || r.Err != nil {
					b.Fatal(err, r.Err)
				}
			}
			n, size = i+1, 0
		}
	}
}

// rawPut is the limit: nothing is asked, waited for or remembered.
func rawPut(addr string) func(*testing.B, string, []endpoint.Put) {
	return func(b *testing.B, folder string, items []endpoint.Put) {
		b.Helper()
		conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		lines := bufio.NewScanner(conn)
		_, _ = fmt.Fprint(conn, "a LOGIN ann secret\r\n")
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "a OK") {
		}
		answers := make(chan int)
		go func() {
			n := 0
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), "b OK") {
					n++
				}
			}
			answers <- n
		}()
		w := bufio.NewWriterSize(conn, 64<<10)
		_, _ = fmt.Fprintf(w, "a SELECT %s", folder)
		batches, count, size := 0, 0, 0
		for i, it := range items {
			body := stampedBytes(b, it)
			if i == 0 || count == 200 || size+len(body) > 4<<20 {
				_, _ = fmt.Fprintf(w, "\r\nb APPEND %s", folder)
				batches, count, size = batches+1, 0, 0
			}
			count, size = count+1, size+len(body)
			_, _ = fmt.Fprintf(w, " (\\Seen) \"04-Mar-2003 05:06:07 +0000\" {%d+}\r\n", len(body))
			_, _ = w.Write(body)
		}
		_, _ = w.WriteString("\r\nc LOGOUT\r\n")
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if got := <-answers; got != batches {
			b.Fatalf("%d batches were taken, want %d", got, batches)
		}
	}
}

func stampedBytes(b testing.TB, it endpoint.Put) []byte {
	b.Helper()
	r, err := it.Content.Open()
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	_, _ = text.WriteString("X-Dandyroll: " + it.Mark.String() + "\r\n")
	if _, err := text.ReadFrom(r); err != nil {
		b.Fatal(err)
	}
	return text.Bytes()
}

// relay passes everything on after a delay, each way, as a line of that length does: what is under
// way does not hold up what follows.
func relay(b *testing.B, target string, delay time.Duration) (addr string) {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target) //nolint:noctx // ends with the server
			if err != nil {
				_ = client.Close()
				continue
			}
			go relayWay(client, server, delay)
			go relayWay(server, client, delay)
		}
	}()
	return l.Addr().String()
}

func relayWay(from io.Reader, to io.WriteCloser, delay time.Duration) {
	type chunk struct {
		data []byte
		due  time.Time
	}
	line := make(chan chunk, 4096)
	go func() {
		defer close(line)
		for {
			data := make([]byte, 64<<10)
			n, err := from.Read(data)
			if n > 0 {
				line <- chunk{data[:n], time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range line {
		time.Sleep(time.Until(c.due))
		_, _ = to.Write(c.data)
	}
	_ = to.Close()
}
