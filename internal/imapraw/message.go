package imapraw

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Message is what a folder holds of one message.
type Message struct {
	UID          uint32
	Flags        []string // sorted; without \Recent, which belongs to a session
	InternalDate string   // as the server writes it, such as "21-Nov-2026 22:55:03 +0000"
	Body         []byte
}

// Append puts a message into a folder (RFC 9051 section 6.3.12) and returns its UID, or 0 where the
// server does not tell (RFC 4315). Flags and date go out as they are; an empty date is left to the
// server.
func (c *Client) Append(folder string, flags []string, date string, body []byte) (uid uint32) {
	c.t.Helper()
	if date != "" {
		date = " " + Quote(date)
	}
	tag := c.begin(fmt.Sprintf("APPEND %s (%s)%s {%d}\r\n", QuoteFolder(folder), strings.Join(flags, " "), date, len(body)))
	for r := c.read(); r.Tag != "+"; r = c.read() {
		if r.Tag == tag {
			c.t.Fatalf("imapraw: APPEND refused: %q", r.Text)
		}
	}
	c.write(string(body) + "\r\n")
	_, end := c.finish(tag)
	if end.Name() != "OK" {
		c.t.Fatalf("imapraw: APPEND refused: %q", end.Text)
	}
	if code := strings.Fields(end.Code()); len(code) == 3 && code[0] == "APPENDUID" {
		return c.number(code[2])
	}
	return 0
}

// Messages returns all messages of a folder in the order of their UIDs, without changing them.
func (c *Client) Messages(folder string) []Message {
	c.t.Helper()
	c.Cmd("EXAMINE %s", QuoteFolder(folder))
	var messages []Message
	for _, r := range c.Cmd("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])") {
		if r.Name() == "FETCH" && len(r.Values) == 3 {
			messages = append(messages, c.message(r.Values[2].List))
		}
	}
	slices.SortFunc(messages, func(a, b Message) int { return int(int64(a.UID) - int64(b.UID)) })
	return messages
}

// message reads the pairs of name and value of a FETCH response (RFC 9051 section 7.5.2).
func (c *Client) message(items []Value) Message {
	c.t.Helper()
	var m Message
	for pair := range slices.Chunk(items, 2) {
		if len(pair) != 2 {
			c.t.Fatalf("imapraw: FETCH response with a name and no value")
		}
		switch name, value := strings.ToUpper(pair[0].Text), pair[1]; name {
		case "UID":
			m.UID = c.number(value.Text)
		case "INTERNALDATE":
			m.InternalDate = value.Text
		case "BODY[]":
			m.Body = []byte(value.Text)
		case "FLAGS":
			for _, f := range value.List {
				if !strings.EqualFold(f.Text, `\Recent`) {
					m.Flags = append(m.Flags, f.Text)
				}
			}
			slices.Sort(m.Flags)
		}
	}
	return m
}

// StoreFlags changes the flags of a message; how is "FLAGS", "+FLAGS" or "-FLAGS" (RFC 9051 section
// 6.4.6).
func (c *Client) StoreFlags(folder string, uid uint32, how string, flags ...string) {
	c.t.Helper()
	c.Cmd("SELECT %s", QuoteFolder(folder))
	c.Cmd("UID STORE %d %s.SILENT (%s)", uid, how, strings.Join(flags, " "))
}

// Expunge removes the named messages for good, and no others (RFC 4315 section 2.1).
func (c *Client) Expunge(folder string, uids ...uint32) {
	c.t.Helper()
	set := make([]string, len(uids))
	for i, uid := range uids {
		set[i] = strconv.FormatUint(uint64(uid), 10)
	}
	c.Cmd("SELECT %s", QuoteFolder(folder))
	c.Cmd(`UID STORE %s +FLAGS.SILENT (\Deleted)`, strings.Join(set, ","))
	c.Cmd("UID EXPUNGE %s", strings.Join(set, ","))
}

// Copy copies a message into another folder.
func (c *Client) Copy(folder string, uid uint32, to string) {
	c.t.Helper()
	c.Cmd("EXAMINE %s", QuoteFolder(folder))
	c.Cmd("UID COPY %d %s", uid, QuoteFolder(to))
}

// Move moves a message into another folder (RFC 6851).
func (c *Client) Move(folder string, uid uint32, to string) {
	c.t.Helper()
	c.Cmd("SELECT %s", QuoteFolder(folder))
	c.Cmd("UID MOVE %d %s", uid, QuoteFolder(to))
}
