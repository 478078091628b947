// Package imapraw is a small IMAP client for tests.
//
// It shares no code with the library or with the IMAP client that the library uses, so that tests
// see a mailbox through other eyes. Every method fails the test where the server does not do as it
// is told; [Client.Do] alone leaves the judgement to the caller. Folder names are Unicode; the
// client encodes them in modified UTF-7 (RFC 3501 section 5.1.3).
//
// A Client serves one goroutine, that of its test.
package imapraw

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limit bounds one command, and literalLimit the bytes of one literal.
const (
	limit        = time.Minute
	literalLimit = 256 << 20
)

// Client is a connection to a server.
type Client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tags int
}

// Dial connects to the server at addr without TLS. The connection ends with the test.
func Dial(t testing.TB, addr string) *Client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatalf("imapraw: %v", err)
	}
	return newClient(t, conn)
}

// DialTLS connects to the server at addr with TLS from the first byte.
func DialTLS(t testing.TB, addr string, config *tls.Config) *Client {
	t.Helper()
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatalf("imapraw: %v", err)
	}
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *Client {
	t.Helper()
	c := &Client{t: t, conn: conn, r: bufio.NewReader(conn)}
	t.Cleanup(func() { _ = conn.Close() })
	c.setDeadline()
	if greeting := c.read(); greeting.Name() != "OK" && greeting.Name() != "PREAUTH" {
		t.Fatalf("imapraw: greeting %q", greeting.Text)
	}
	return c
}

// Close closes the connection without a word.
func (c *Client) Close() { _ = c.conn.Close() }

// Login authenticates with LOGIN (RFC 9051 section 6.2.3).
func (c *Client) Login(user, password string) {
	c.t.Helper()
	c.Cmd("LOGIN %s %s", Quote(user), Quote(password))
}

// Cmd sends one command, without tag and line end, made as by [fmt.Sprintf], and returns the
// untagged responses to it.
func (c *Client) Cmd(format string, args ...any) []Response {
	c.t.Helper()
	command := fmt.Sprintf(format, args...)
	untagged, end := c.Do(command)
	if end.Name() != "OK" {
		c.t.Fatalf("imapraw: %.200q: server says %q", command, end.Text)
	}
	return untagged
}

// Do sends one command and returns the untagged responses to it and the tagged one that ends it.
func (c *Client) Do(command string) (untagged []Response, end Response) {
	c.t.Helper()
	tag := c.begin(command + "\r\n")
	return c.finish(tag)
}

// begin sends a tagged text and returns the tag.
func (c *Client) begin(text string) string {
	c.t.Helper()
	c.tags++
	tag := "r" + strconv.Itoa(c.tags)
	c.setDeadline()
	c.write(tag + " " + text)
	return tag
}

// finish reads until the response with the tag.
func (c *Client) finish(tag string) (untagged []Response, end Response) {
	c.t.Helper()
	for {
		r := c.read()
		switch r.Tag {
		case tag:
			return untagged, r
		case "+":
			c.t.Fatalf("imapraw: server asks for more: %q", r.Text)
		}
		untagged = append(untagged, r)
	}
}

func (c *Client) setDeadline() {
	c.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		c.t.Fatalf("imapraw: %v", err)
	}
}

func (c *Client) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("imapraw: %v", err)
	}
}

// read reads one response with its literals (RFC 9051 section 4.3).
func (c *Client) read() Response {
	c.t.Helper()
	var text strings.Builder
	var literals []int // where in text they begin
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("imapraw: connection ended after %.200q: %v", text.String()+line, err)
		}
		text.WriteString(line)
		size, ok := literalSize(line)
		if !ok {
			break
		}
		if size > literalLimit {
			c.t.Fatalf("imapraw: literal of %d bytes", size)
		}
		literals = append(literals, text.Len())
		if _, err := io.CopyN(&text, c.r, size); err != nil {
			c.t.Fatalf("imapraw: connection ended in a literal of %d bytes: %v", size, err)
		}
	}
	r, err := parse(text.String(), literals)
	if err != nil {
		c.t.Fatalf("imapraw: %v in %.200q", err, text.String())
	}
	return r
}

// literalSize returns the number in the braces that end line.
func literalSize(line string) (size int64, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	size, err := strconv.ParseInt(line[open+1:len(line)-1], 10, 64)
	return size, err == nil && size >= 0
}

// Quote returns s as a quoted string (RFC 9051 section 4.3). It does not encode folder names;
// that does [QuoteFolder].
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// QuoteFolder returns the Unicode name of a folder as a command needs it.
func QuoteFolder(name string) string { return Quote(encodeName(name)) }
