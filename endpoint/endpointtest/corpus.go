package endpointtest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// Body is a message as an attacker, or a broken program, may have written it.
type Body struct {
	Name  string
	Bytes []byte
}

// Canonical reports whether all line ends are CRLF and no byte is NUL. IMAP has no other lines
// (RFC 9051 section 2.2) and no NUL outside of a binary literal (section 4.3), so that servers may
// replace what is not canonical.
func (b Body) Canonical() bool {
	lines := bytes.ReplaceAll(b.Bytes, []byte("\r\n"), nil)
	return !bytes.ContainsAny(lines, "\r\n\x00")
}

// normal returns what is left of a body when a server replaces what is not canonical: no CR, which
// some add to an LF and some take away, and one sign for NUL and the 0x80 that stands in for it.
func normal(b []byte) string {
	return strings.NewReplacer("\r", "", "\x00", "?", "\x80", "?").Replace(string(b))
}

// HostileBodies returns messages of every shape that tempts a program to lose, change, misread or
// execute something.
func HostileBodies() []Body {
	var all []Body
	for _, part := range [][]Body{oddBeginnings(), oddBytes(), oddMarks(), oddCommands(), oddSizes()} {
		all = append(all, part...)
	}
	return all
}

const header = "Message-ID: <odd@example.org>\r\nSubject: odd\r\n"

func oddBeginnings() []Body {
	return []Body{
		{"empty", nil},
		{"one byte", []byte("x")},
		{"one line end", []byte("\r\n")},
		{"line ends only", []byte("\r\n\r\n\r\n")},
		{"header only", []byte(header)},
		{"header and empty line", []byte(header + "\r\n")},
		{"header without a line end", []byte("Subject: cut")},
		{"no header", []byte("just text\r\nof two lines\r\n")},
		{"no header, later an empty line", []byte("just text\r\n\r\nmore text\r\n")},
		{"empty header", []byte("\r\nthe body\r\n")},
		{"leading space", []byte(" folded into nothing\r\n" + header + "\r\nbody\r\n")},
		{"leading tab", []byte("\tfolded into nothing\r\n" + header + "\r\nbody\r\n")},
		{"blank lines with spaces", []byte("  \r\n" + header + "\r\nbody\r\n")},
		{"mbox From line", []byte("From ann@old.example Mon Feb  7 21:52:25 1994\r\n" + header + "\r\nbody\r\n")},
		{"escaped mbox From line", []byte(">From ann@old.example Mon Feb  7 21:52:25 1994\r\n" + header + "\r\nbody\r\n")},
		{"junk line first", []byte("this is no field\r\n" + header + "\r\nbody\r\n")},
		{"junk line within", []byte(header + "this is no field\r\nTo: bob@example.org\r\n\r\nbody\r\n")},
		{"field without a name", []byte(": nothing\r\n" + header + "\r\nbody\r\n")},
		{"space before the colon", []byte("Subject : old\r\nMessage-ID : <old@example.org>\r\n\r\nbody\r\n")},
		{"byte order mark", []byte("\xef\xbb\xbf" + header + "\r\nbody\r\n")},
		{"UTF-16", []byte("\xff\xfeS\x01u\x01b\x01")},
	}
}

func oddBytes() []Body {
	every := make([]byte, 0, 254)
	for c := 1; c < 256; c++ {
		if c != '\r' && c != '\n' {
			every = append(every, byte(c))
		}
	}
	return []Body{
		{"every byte", []byte(header + "\r\n" + string(every) + "\r\n")},
		{"8-bit header", []byte("Subject: \xe4\xf6\xfc \xff\r\nFrom: \x80\x81@example.org\r\n\r\nbody\r\n")},
		{"8-bit field name", []byte("S\xfcbject: x\r\n" + header + "\r\nbody\r\n")},
		{"UTF-8 header", []byte("Subject: Grüße 🦊\r\nFrom: Jörg <jörg@例え.example>\r\n\r\nbody\r\n")},
		{"control characters", []byte("Subject: \x01\x07\x1b[2J\x7f\r\n\r\n\x1b]0;title\x07\r\n")},
		{"NUL", []byte(header + "X-Nul: a\x00b\r\n\r\nbo\x00dy\r\n")},
		{"bare LF", []byte("Message-ID: <lf@example.org>\nSubject: unix\n\nbody\nof lines\n")},
		{"bare CR", []byte(header + "\r\nold\rmac\rlines\r")},
		{"mixed line ends", []byte(header + "\r\none\r\ntwo\nthree\rfour\r\r\nfive\n\r")},
		{"ends with CR", []byte(header + "\r\nbody\r")},
		{"no line end at the end", []byte(header + "\r\nbody")},
		{"lone dots", []byte(header + "\r\n.\r\n..\r\n.\r\n")},
		{"trailing blanks", []byte(header + "X-Blank:  x \t \r\n\r\nbody \t\r\n \r\n")},
		{"broken MIME", []byte(header + "Content-Type: multipart/mixed; boundary=\"x\r\nContent-Type: text/plain; charset=\xff\r\n\r\n--x\r\n--x--\r\n")},
	}
}

// oddMarks are messages whose sender wrote fields of the watermark's name.
func oddMarks() []Body {
	forged := watermark.Field + ": " + watermark.Mark{Types: watermark.Types{Source: "imap", Destination: "imap"}}.String() + "\r\n"
	folded := strings.Replace(forged, ": ", ":\r\n ", 1)
	newer := strings.Replace(forged, ": 1.", ": 2.", 1)
	return []Body{
		{"forged mark", []byte(forged + header + "\r\nbody\r\n")},
		{"forged mark, folded and re-cased", []byte(strings.ToUpper(folded) + header + "\r\nbody\r\n")},
		{"forged mark of a newer version", []byte(newer + header + "\r\nbody\r\n")},
		{"forged mark in the body", []byte(header + "\r\n" + forged + "\r\n")},
		{"forged mark behind no header", []byte("\r\n" + forged)},
		{"repeated marks", []byte(strings.Repeat(forged, 40) + header + "\r\nbody\r\n")},
		{"oversized mark", []byte(watermark.Field + ": 1." + strings.Repeat("a", 20_000) + "\r\n" + header + "\r\nbody\r\n")},
		{"garbled marks", []byte(watermark.Field + ":\r\n" + watermark.Field + ": 1.\xff.(\"\r\n" + header + "\r\nbody\r\n")},
		{"name like the mark's", []byte(watermark.Field + "-Pad: y\r\n" + watermark.Field + "x: y\r\n" + header + "\r\nbody\r\n")},
	}
}

// Pwned is what every command in a hostile body, flag or name would create: a folder, or a flag.
const Pwned = "pwned"

// oddCommands are messages that do harm if a server reads them as commands, or a client as answers.
func oddCommands() []Body {
	commands := "a1 CREATE " + Pwned + "\r\na2 SELECT INBOX\r\na3 STORE 1:* +FLAGS (\\Deleted)\r\na4 EXPUNGE\r\n" +
		"a5 SUBSCRIBE " + Pwned + "\r\na6 LOGOUT\r\n"
	answers := "* BYE\r\n* 1 EXPUNGE\r\n* FLAGS ()\r\n+ go on\r\n)\r\nT1 OK done\r\nT2 NO [ALERT] no\r\n"
	return []Body{
		{"commands", []byte(commands)},
		{"commands behind a header", []byte(header + "\r\n" + commands)},
		{"commands behind a literal", []byte("{4+}\r\nabcd\r\n" + commands)},
		{"commands behind a bracket", []byte(")\r\n" + commands)},
		{"answers", []byte(answers)},
		{"answers behind a header", []byte(header + "\r\n" + answers)},
		{"sizes", []byte(header + "X: {4294967295}\r\n\r\n{99999999999999999999}\r\n{1}\r\n{0}\r\n~{5}\r\n")},
		{"MIME of commands", []byte(header + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + commands + "--b--\r\n")},
	}
}

func oddSizes() []Body {
	const megabyte = 1 << 20
	return []Body{
		{"1 MB header line", []byte(header + "X-Long: " + strings.Repeat("x", megabyte) + "\r\n\r\nbody\r\n")},
		{"200 kB subject", []byte("Subject: " + strings.Repeat("x ", 100_000) + "\r\n\r\nbody\r\n")},
		{"200 kB body line", []byte(header + "\r\n" + strings.Repeat("y", 200_000))},
		{"10,000 fields", []byte(header + strings.Repeat("X-Many: 1\r\n", 10_000) + "\r\nbody\r\n")},
		{"10,000 folds", []byte(header + "X-Folded:" + strings.Repeat("\r\n z", 10_000) + "\r\n\r\nbody\r\n")},
		{"200 levels of MIME", deepMIME(200)},
	}
}

func deepMIME(levels int) []byte {
	var b strings.Builder
	b.WriteString(header)
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("\r\ninnermost\r\n")
	return []byte(b.String())
}

// HostileNames returns names of folders, each one component of a path, that tempt a program to
// join, cut, expand or execute them. None differs from another only in case or in the form of its
// accents, which many servers take for one.
func HostileNames() []string {
	return []string{
		"a/b", "a.b", `a\b`, "/", ".", "..", "...", ".hidden", "trailing.", "trailing/", "~", "~root", "#shared",
		"*", "%", "a*", "a%b", "?", "&", "&-", "&AOQ-", "a&b", "Entwürfe", "日本語", "🦊", "e\u0301", "\u202egnp.exe",
		`"`, `say "hi"`, "'", "`id`", "$(id)", "; rm -rf", "|", "a{1}", "{5+}", "(x)", "[x]", "]", "<x>",
		" ", " leading", "trailing ", "two  blanks", "\t", "a\r\nb1 CREATE " + Pwned, "nul\x00byte", "\x1b[2J", "\x7f",
		"\xff\xfe", "broken \xe4 UTF-8", "INBOX", "Trash", "=x2E", "=x2e", "=", "%2F", "NIL", "-", "CON", "name:stream",
		"cur", "dovecot.index", strings.Repeat("n", 60),
	}
}

// HostileFlags returns flags that no server keeps, or that end a command line early, and a few
// that are harmless.
func HostileFlags() []endpoint.Flag {
	return []endpoint.Flag{
		`\Recent`, `\recent`, `\Unknown`, `\*`, `\`, `\\Seen`, `\Seen)`, `\SEEN`, "", " ", "a b", "a)b", "(", ")", "()", "{3}",
		"{3+}", "{3+}\r\nabc", "\r\n", "x\r\nb1 CREATE " + Pwned, `"quoted"`, `a"b`, `a\b`, "%", "*", "a]b", "[a]",
		"nul\x00", "\x01", "\x7f", "ünï", "\xff", "NIL", "$Forwarded", "NonJunk", "-", "+", "~", "a'b", "$(id)",
		endpoint.Flag(strings.Repeat("k", 300)), endpoint.Flag(strings.Repeat("K", 70_000)),
	}
}

// HostileDates returns times of receipt that are missing, absurd, or change when they are stored in
// too few digits, bits or zones.
func HostileDates() []time.Time {
	at := func(year int) time.Time { return time.Date(year, time.December, 31, 23, 59, 59, 0, time.UTC) }
	zone := func(seconds int) time.Time {
		return time.Date(1998, time.June, 1, 2, 3, 4, 0, time.FixedZone("(); \r\n", seconds))
	}
	return []time.Time{
		{},
		at(1), at(-44), at(0), at(1581), at(1899), at(1968), at(1969), time.Unix(0, 0), time.Unix(1, 0), time.Unix(-1, 999_999_999),
		at(1999), time.Date(2000, time.February, 29, 12, 0, 0, 999_999_999, time.UTC), at(2037), time.Unix(1<<31, 0), at(2104),
		time.Unix(1<<32, 0), at(2106), at(9999), at(10_000), at(99_999), time.Unix(1<<55, 0), time.Unix(1<<62, 0), time.Unix(-1<<62, 0),
		zone(14*3600 + 45*60), zone(-(11*3600 + 59*60 + 30)), zone(26 * 3600), time.Now(),
	}
}
