package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// rawConn speaks IMAP over a socket with as little as possible between: no library, no checks but for
// refusals.
type rawConn struct {
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	got  int64 // bytes read
	tags int
}

const rawBuffer = 256 << 10

// dialRaw connects and logs in.
func dialRaw(ctx context.Context, addr, user string) (*rawConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &rawConn{conn: conn, w: bufio.NewWriterSize(conn, rawBuffer)}
	c.r = bufio.NewReaderSize(countingReader{conn, &c.got}, rawBuffer)
	if _, err := c.line(); err != nil { // the greeting
		return nil, errors.Join(err, conn.Close())
	}
	if err := c.run(fmt.Sprintf("LOGIN %s %s", user, password)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *rawConn) close() error { return c.conn.Close() }

// send puts a command into the buffer and returns its tag. It is sent with what follows.
func (c *rawConn) send(command string) string {
	c.tags++
	tag := "b" + strconv.Itoa(c.tags)
	_, _ = c.w.WriteString(tag + " " + command) // the error stays until Flush
	return tag
}

// run sends a command and waits for its end.
func (c *rawConn) run(command string) error {
	tag := c.send(command + "\r\n")
	if err := c.w.Flush(); err != nil {
		return err
	}
	return c.await(tag, func(string) error { return nil })
}

// await hands untagged lines to each, until the response with the tag, which must be OK.
func (c *rawConn) await(tag string, each func(line string) error) error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return refusal(rest)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// refusal returns an error where a tagged response is not OK.
func refusal(response string) error {
	if strings.HasPrefix(response, "OK") {
		return nil
	}
	return fmt.Errorf("the server refused: %s", response)
}

// line reads one line, without its end. A literal that it announces is the caller's to read.
func (c *rawConn) line() (string, error) {
	line, err := c.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// skip reads past n bytes.
func (c *rawConn) skip(n int64) error {
	_, err := io.CopyN(io.Discard, c.r, n)
	return err
}

// literal returns the size that a line announces at its end.
func literal(line string) (int64, bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(line[open+1:len(line)-1], "+"), 10, 64)
	return n, err == nil
}

// between returns what stands between two texts.
func between(line, before, after string) string {
	_, rest, _ := strings.Cut(line, before)
	text, _, _ := strings.Cut(rest, after)
	return text
}

// folders lists the folders that can be selected, as the server writes their names.
func (c *rawConn) folders() ([]string, error) {
	tag := c.send("LIST \"\" \"*\"\r\n")
	if err := c.w.Flush(); err != nil {
		return nil, err
	}
	var names []string
	err := c.await(tag, func(line string) error {
		if rest, ok := strings.CutPrefix(line, "* LIST "); ok && !strings.Contains(rest, `\Noselect`) {
			_, name, _ := strings.Cut(rest, `"/" `)
			names = append(names, strings.Trim(name, `"`))
		}
		return nil
	})
	return names, err
}

type countingReader struct {
	io.Reader
	n *int64
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	*r.n += int64(n)
	return n, err
}
