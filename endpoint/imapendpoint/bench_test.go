package imapendpoint

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/watermark"
)

// BenchmarkFetchMarks reads the answer to a mark scan from memory, half of it with marks.
func BenchmarkFetchMarks(b *testing.B) {
	const messages = 10_000
	var canned bytes.Buffer
	for i := range messages {
		header := "\r\n"
		if i%2 == 0 {
			header = stamped(i, "\r\n")
		}
		fmt.Fprintf(&canned, "* %d FETCH (UID %d BODY[HEADER.FIELDS (X-DANDYROLL)] {%d}\r\n%s)\r\n", i+1, i+1, len(header), header)
	}
	canned.WriteString("D1 OK done\r\n")
	b.SetBytes(int64(canned.Len()))
	b.ReportAllocs()
	for b.Loop() {
		s := newSession(newWire(newConn(&deafConn{r: bytes.NewReader(canned.Bytes())}, time.Minute, new(meter)), nil), nil)
		n := 0
		w := (&driver{}).sweepMarks(endpoint.Folder{})
		f := w.fetch(0, func(uint32, watermark.Reading) { n++ })
		if err := s.awaitFetch(s.wire.send("UID FETCH", "1:* "+f.items.text()), f, nil); err != nil || n != messages {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N)*messages/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkOfRaw compares reading a folder with a client that does nothing but send one FETCH for all and
// count lines, in turns, by the best of each: what else runs on the machine slows down either.
func BenchmarkOfRaw(b *testing.B) {
	const messages = 20_000
	srv := dovecot.Start(b, dovecot.Config{Format: "sdbox", NoFsync: true})
	m, err := Open(b.Context(), Config{Addr: srv.Addr(), Security: Plaintext, Username: "ann", Password: "secret", Timeout: 20 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	f := endpoint.Folder{ID: "INBOX"}
	fillRaw(b, srv.Addr(), messages)
	raw := dialRaw(b, srv.Addr())
	defer func() { _ = raw.Close() }()
	for _, u := range []struct {
		name, items string
		use         func()
	}{
		{"marks", "UID BODY.PEEK[HEADER.FIELDS (X-DANDYROLL)]", func() { drainSeq(b, m.Marks(b.Context(), f, "")) }},
		{"list", "UID INTERNALDATE RFC822.SIZE BODY.PEEK" + listItems(0).section, func() { drainSeq(b, m.List(b.Context(), f, "")) }},
		{"outline", "UID INTERNALDATE RFC822.SIZE", func() { drainSeq(b, m.Outline(b.Context(), f, "")) }},
		{"read", "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]", func() { readWindows(b, m, f) }},
	} {
		u.use() // fills the server's cache
		b.Run(u.name, func(b *testing.B) {
			b.ReportAllocs()
			best := [2]time.Duration{time.Hour, time.Hour}
			before := m.Wire().Received
			for b.Loop() {
				start := time.Now()
				raw.command(b, "EXAMINE INBOX")
				raw.command(b, "UID FETCH 1:* ("+u.items+")")
				middle := time.Now()
				u.use()
				best[0], best[1] = min(best[0], middle.Sub(start)), min(best[1], time.Since(middle))
			}
			b.ReportMetric(100*best[0].Seconds()/best[1].Seconds(), "%raw")
			b.ReportMetric(messages/best[1].Seconds(), "msg/s")
			b.ReportMetric(float64(m.Wire().Received-before)/float64(b.N)/messages, "B/msg")
		})
	}
}

func drainSeq[T any](b *testing.B, seq func(yield func(T, error) bool)) {
	b.Helper()
	for _, err := range seq {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// readWindows reads a folder as a pass does.
func readWindows(b *testing.B, m *endpoint.Mailbox, f endpoint.Folder) {
	b.Helper()
	var refs []string
	for ref, err := range m.Refs(b.Context(), f) {
		if err != nil {
			b.Fatal(err)
		}
		refs = append(refs, ref)
	}
	for window := range slices.Chunk(refs, 1000) {
		for body, err := range m.Read(b.Context(), f, window, endpoint.ReadOptions{Memory: 8 << 20}) {
			if err != nil || body.Err != nil {
				b.Fatal(err, body.Err)
			}
			_ = body.Content.Close()
		}
	}
}

// rawConn sends lines and counts lines.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

func dialRaw(b *testing.B, addr string) rawConn {
	b.Helper()
	c, err := new(net.Dialer).DialContext(b.Context(), "tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	raw := rawConn{c, bufio.NewReaderSize(c, 1<<16)}
	raw.command(b, "LOGIN ann secret")
	return raw
}

func (c rawConn) command(b *testing.B, line string) {
	b.Helper()
	if _, err := io.WriteString(c, "x "+line+"\r\n"); err != nil {
		b.Fatal(err)
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if bytes.HasPrefix(line, []byte("x ")) {
			return
		}
	}
}

// fillRaw fills INBOX by MULTIAPPEND (RFC 3502), half of it with marks.
func fillRaw(b *testing.B, addr string, messages int) {
	b.Helper()
	c := dialRaw(b, addr)
	for first := 0; first < messages; first += 500 {
		line := strings.Builder{}
		line.WriteString("APPEND INBOX")
		for i := first; i < first+500; i++ {
			text := message(i)
			if i%2 == 0 {
				text = stamped(i, text)
			}
			fmt.Fprintf(&line, " {%d+}\r\n%s", len(text), text)
		}
		c.command(b, line.String())
	}
	_ = c.Close()
}
