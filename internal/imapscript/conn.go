package imapscript

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// Command is one command as the server read it.
type Command struct {
	Tag string
	// Name is in upper case; a UID command is "UID FETCH".
	Name string
	// Args is the rest of the line. The n-th literal stands in it as its announcement, such as
	// {12}, and is Literals[n].
	Args     string
	Literals [][]byte
}

// Conn is one connection of a client, seen from the server.
type Conn struct {
	// BeforeLiteral, if set, sees each line that announces a literal. A non-empty answer is sent
	// as the tagged response, and the literal is not read: what a client sends regardless is then
	// read as commands, as real servers do.
	BeforeLiteral func(line string) (refusal string)
	// OnLiteral, if set, sees each line that announces a literal before that is asked for and read.
	// True means that it has dealt with the client, which is taken to be gone.
	OnLiteral func(line string, size int) (gone bool)
	// Rewrite, if set, turns what is sent into something else.
	Rewrite func(text string) string

	server *Server
	tb     testing.TB
	net    net.Conn
	r      *bufio.Reader
}

// Send sends lines, each with a CRLF after it. Failures show as the end of the connection.
func (c *Conn) Send(lines ...string) {
	for _, l := range lines {
		c.SendRaw(l + "\r\n")
	}
}

// SendRaw sends bytes as they are, or as Rewrite makes them.
func (c *Conn) SendRaw(s string) {
	if c.Rewrite != nil {
		s = c.Rewrite(s)
	}
	_, _ = io.WriteString(c.net, s)
}

// Reply sends the tagged response to a command, such as "OK done".
func (c *Conn) Reply(cmd Command, status string) { c.Send(cmd.Tag + " " + status) }

// Drop closes the connection at once, with a reset where the transport has one.
func (c *Conn) Drop() {
	if tcp, ok := c.net.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.net.Close()
}

// Finish says that nothing more will be sent, and waits until the client has gone. Unlike Drop, it
// loses nothing of what was sent before.
func (c *Conn) Finish() {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	c.Wait()
}

// Line reads one line without its line end; false means that the client has gone.
func (c *Conn) Line() (string, bool) {
	line, err := c.r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err == nil
}

// Bytes reads n bytes; fewer mean that the client has gone.
func (c *Conn) Bytes(n int) []byte {
	b := make([]byte, n)
	got, _ := io.ReadFull(c.r, b)
	return b[:got]
}

// Ahead returns what has arrived behind the command that was read last, without waiting for more.
func (c *Conn) Ahead() (text string, ok bool) {
	b, _ := c.r.Peek(c.r.Buffered())
	return string(b), len(b) > 0
}

// Wait blocks until the client closes the connection, and discards what it still sends.
func (c *Conn) Wait() { _, _ = io.Copy(io.Discard, c.r) }

// UpgradeTLS speaks TLS from here on, as after STARTTLS. What the client sent before is lost.
func (c *Conn) UpgradeTLS(config *tls.Config) {
	c.net = tls.Server(c.net, config)
	c.r = bufio.NewReader(c.net)
}

// Read reads the next command and its literals, and asks for those that wait to be asked for.
// False means that the client has gone.
func (c *Conn) Read() (Command, bool) {
	var cmd Command
	line, ok := c.Line()
	if !ok {
		return cmd, false
	}
	text := line
	for {
		n, waits, announced := announcement(line)
		if !announced {
			break
		}
		if c.BeforeLiteral != nil {
			if refusal := c.BeforeLiteral(text); refusal != "" {
				c.Reply(parse(text), refusal)
				c.server.note(parse(text).Name)
				return c.Read()
			}
		}
		if c.OnLiteral != nil && c.OnLiteral(text, n) {
			return cmd, false
		}
		if waits {
			c.Send("+ go on")
		}
		literal := c.Bytes(n)
		if len(literal) < n {
			return cmd, false
		}
		cmd.Literals = append(cmd.Literals, literal)
		if line, ok = c.Line(); !ok {
			return cmd, false
		}
		text += line
	}
	literals := cmd.Literals
	cmd = parse(text)
	cmd.Literals = literals
	c.server.note(cmd.Name)
	return cmd, true
}

// Expect reads the next command and fails the test if it is another one.
func (c *Conn) Expect(name string) Command {
	cmd, ok := c.Read()
	if !ok || cmd.Name != name {
		c.tb.Errorf("imapscript: expected %s, got %q", name, cmd.Name)
	}
	return cmd
}

// Accept expects a command and answers OK.
func (c *Conn) Accept(name string) { c.Reply(c.Expect(name), "OK done") }

// announcement recognises a literal at the end of a line.
func announcement(line string) (n int, waits, ok bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	digits := line[open+1 : len(line)-1]
	number, plus := strings.CutSuffix(digits, "+")
	n, err := strconv.Atoi(number)
	return n, !plus, err == nil && n >= 0
}

func parse(text string) Command {
	var cmd Command
	var rest string
	cmd.Tag, rest, _ = strings.Cut(text, " ")
	cmd.Name, cmd.Args, _ = strings.Cut(rest, " ")
	cmd.Name = strings.ToUpper(cmd.Name)
	if cmd.Name == "UID" {
		var verb string
		verb, cmd.Args, _ = strings.Cut(cmd.Args, " ")
		cmd.Name = "UID " + strings.ToUpper(verb)
	}
	return cmd
}

// Strings returns the strings of the arguments in their order: atoms, quoted strings without
// their quotes, and literals. Parentheses are left out.
func (cmd Command) Strings() []string {
	var list []string
	rest, literal := cmd.Args, 0
	for rest = strings.TrimLeft(rest, " ()"); rest != ""; rest = strings.TrimLeft(rest, " ()") {
		switch {
		case rest[0] == '"':
			var s string
			s, rest = unquote(rest[1:])
			list = append(list, s)
		case rest[0] == '{' && literal < len(cmd.Literals):
			list = append(list, string(cmd.Literals[literal]))
			literal++
			rest = rest[strings.IndexByte(rest, '}')+1:]
		default:
			end := strings.IndexAny(rest, " ()")
			if end < 0 {
				end = len(rest)
			}
			list = append(list, rest[:end])
			rest = rest[end:]
		}
	}
	return list
}

func unquote(s string) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// Literal returns s as a literal of a response.
func Literal(s string) string { return fmt.Sprintf("{%d}\r\n%s", len(s), s) }
