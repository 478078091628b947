package endtoend_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/dandyroll/dandyroll/internal/imapraw"
)

// corpusFolders are nested and oddly named. The separator is "/".
func corpusFolders() []string {
	return []string{
		"INBOX", "Sent", "Drafts", "Trash", "Archive", "Archive/2024", "Archive/2024/Q1", "Archive/2025",
		"Work", "Work/Kunden & Partner", "Work/Entwürfe", "Work/日本語", "Lists", "Lists/go-nuts",
		"Odd  spaces", "quote\"and\\slash", "a%b*c",
	}
}

// message is what the corpus puts into a folder.
type message struct {
	flags []string
	date  string
	body  []byte
}

// corpus makes n messages of each shape that a mailbox of real people holds, the same each time.
type corpus struct {
	random *rand.Rand
	n      int
	small  bool // none of megabytes
}

func newCorpus() *corpus { return &corpus{random: rand.New(rand.NewPCG(1, 2))} }

// next returns the next message.
func (c *corpus) next() message {
	c.n++
	return message{flags: c.flags(), date: c.date(), body: []byte(c.header() + "\r\n" + c.text())}
}

func (c *corpus) flags() []string {
	var flags []string
	for _, f := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, "$Forwarded", "NonJunk", "Projekt_7"} {
		if c.random.IntN(5) == 0 {
			flags = append(flags, f)
		}
	}
	return flags
}

func (c *corpus) date() string {
	switch c.random.IntN(20) {
	case 0:
		return " 1-Jan-1970 00:00:01 +0000"
	case 1:
		return "31-Dec-1999 23:59:59 +1245"
	case 2:
		return "29-Feb-2024 12:00:00 -0930"
	}
	return fmt.Sprintf("%2d-%s-%d %02d:%02d:%02d +0100", 1+c.random.IntN(28),
		[]string{"Jan", "May", "Oct"}[c.random.IntN(3)], 2001+c.random.IntN(25), c.random.IntN(24), c.random.IntN(60), c.random.IntN(60))
}

func (c *corpus) header() string {
	subject := fmt.Sprintf("Message %d", c.n)
	switch c.random.IntN(6) {
	case 0:
		subject = "=?utf-8?Q?Gr=C3=BC=C3=9Fe_an_alle?="
	case 1:
		subject = "Gr\xfc\xdfe in Latin-1"
	case 2:
		subject = "Grüße in UTF-8, " + strings.Repeat("folded\r\n\tand long ", c.random.IntN(20))
	}
	id := fmt.Sprintf("Message-ID: <%d.%d@old.example>\r\n", c.n, c.random.Uint32())
	switch c.random.IntN(15) {
	case 0:
		id = ""
	case 1:
		id = "Message-ID: <shared@old.example>\r\n"
	case 2:
		id = "Message-ID: <a@old.example>\r\nMessage-ID: <b@old.example>\r\n"
	}
	return "From: Ann <ann@old.example>\r\nTo: bob@other.example\r\nSubject: " + subject + "\r\n" + id +
		"Date: Thu, 1 Jan 2015 10:00:00 +0000\r\nX-Dandyroll: 1.imap.imap.forged.by.somebody\r\n"
}

func (c *corpus) text() string {
	size := 200 + c.random.IntN(4000)
	switch {
	case c.n%500 == 0 && !c.small:
		size = 5 << 20
	case c.n%40 == 0:
		size = 200 << 10
	}
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "%d: %s\r\n", b.Len(), strings.Repeat("lorem ipsum ", 6))
	}
	if c.random.IntN(10) == 0 {
		b.WriteString(".\r\nno line end at the end, and 8 bit: \xe4\xf6\xfc")
	}
	return b.String()
}

// fill puts total messages into the folders of a mailbox, twins among them. MULTIAPPEND makes it
// fast (RFC 3502).
func fill(c *imapraw.Client, messages *corpus, total int, folders []string) {
	for _, f := range folders {
		if f != "INBOX" {
			c.Create(f)
			if len(f)%2 == 0 {
				c.Subscribe(f)
			}
		}
	}
	for i, folder := range folders {
		n := total / len(folders)
		if i == 0 {
			n += total % len(folders)
		}
		appendMany(c, folder, messages, n)
	}
}

func appendMany(c *imapraw.Client, folder string, messages *corpus, n int) {
	var last message
	for i := range n {
		m := messages.next()
		if i > 0 && i%97 == 0 {
			m = last // a twin
		}
		c.Append(folder, m.flags, m.date, m.body)
		last = m
	}
}

// unmarked returns a message without the mark before it.
func unmarked(body []byte) []byte {
	line, rest, _ := bytes.Cut(body, []byte("\r\n"))
	if !bytes.HasPrefix(line, []byte("X-Dandyroll: 1.imap.imap.")) || bytes.Contains(line, []byte("forged")) {
		return nil
	}
	return rest
}
