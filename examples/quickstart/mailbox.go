package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/watermark"
)

// Texts by which messages are found again.
const (
	newsletter = "Ten things about paper"
	invoice    = "Invoice 4711"
	plan       = "The plan for 2024"
)

// projects is a folder with inProjects messages.
const (
	projects   = "Projects/2024"
	inProjects = 3
)

// letter is a message and the folder in which it arrives.
type letter struct {
	folder string
	imapserve.Message
}

// write makes a letter of its lines, header fields first.
func write(folder string, day int, flags string, lines ...string) letter {
	return letter{folder, imapserve.Message{
		Bytes:    []byte(strings.Join(lines, "\r\n") + "\r\n"),
		Flags:    strings.Fields(flags),
		Received: time.Date(2024, time.January, day, 12, 0, 0, 0, time.UTC),
	}}
}

// ordinary is a letter with all that belongs in one.
func ordinary(folder string, day int, flags, subject string) letter {
	return write(folder, day, flags,
		"From: Bob <bob@work.example>",
		"To: Ann <ann@old.example>",
		fmt.Sprintf("Date: %02d Jan 2024 12:00:00 +0000", day),
		fmt.Sprintf("Message-ID: <%d.%x@work.example>", day, subject),
		"Subject: "+subject,
		"",
		"Dear Ann, see you soon. Bob")
}

// oldMailbox is what Ann has at the old server.
func oldMailbox() []letter {
	twin := ordinary("INBOX", 5, `\Seen`, "Sent twice by a nervous program")
	return []letter{
		ordinary("INBOX", 1, `\Seen \Answered`, "Lunch on Friday?"),
		ordinary("INBOX", 2, "", newsletter),
		ordinary("INBOX", 3, `\Seen \Flagged`, invoice),
		twin,
		twin,
		write("INBOX", 6, `\Seen`, "From: scanner@work.example", "Subject: no date and no Message-ID", "", "A page."),
		write("INBOX", 7, "", "Message-ID: <7@work.example>", "Subject: Gr\xfc\xdfe in Latin-1, never encoded", "", "Hello."),
		write("INBOX", 8, "", watermark.Field+": "+forged, "Subject: I am migrated already, honestly", "", "No."),
		ordinary("Archive", 9, `\Seen`, "Long ago"),
		ordinary(projects, 10, `\Seen`, plan),
		ordinary(projects, 11, `\Seen $Important`, "What became of the plan"),
		ordinary(projects, 12, "", "Why"),
		ordinary(projects+"/Größer & Größtes", 13, `\Draft`, "A folder with a name of its own"),
	}
}

// forged is a mark in good form that nobody's key has made.
const forged = "1.imap.imap.aaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaa"

// newMail is what arrives later.
func newMail(copied watermark.Mark) []letter {
	return []letter{
		ordinary("INBOX", 20, "", "The first mail of the week"),
		write("INBOX", 21, "", watermark.Field+": "+copied.String(), "Subject: a borrowed mark", "", "It is real!"),
	}
}
