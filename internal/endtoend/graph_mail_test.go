package endtoend_test

import (
	"bytes"
	"cmp"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/internal/imapraw"
)

// letter is what must be the same of a mail on both sides, in words that both servers can say.
type letter struct {
	id, subject, flags string
	received           time.Time
}

func (l letter) compare(other letter) int {
	return cmp.Or(l.received.Compare(other.received), cmp.Compare(l.id, other.id), cmp.Compare(l.subject, other.subject), cmp.Compare(l.flags, other.flags))
}

// imapLetters are the mails of a folder of an IMAP server.
func imapLetters(t *testing.T, c *imapraw.Client, folder string) []letter {
	t.Helper()
	var all []letter
	for _, m := range c.Messages(folder) {
		header, _, _ := bytes.Cut(m.Body, []byte("\r\n\r\n"))
		parsed, err := mail.ReadMessage(bytes.NewReader(append(header, "\r\n\r\n"...)))
		if err != nil {
			t.Fatal(err)
		}
		received, err := time.Parse("_2-Jan-2006 15:04:05 -0700", m.InternalDate)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, letter{parsed.Header.Get("Message-Id"), readable(parsed.Header.Get("Subject")), carried(m.Flags), received.UTC()})
	}
	slices.SortFunc(all, letter.compare)
	return all
}

// graphLetters are the mails of a folder of the service.
func graphLetters(t *testing.T, box *graphserve.Mailbox, folder string) []letter {
	t.Helper()
	items, err := box.Items(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []letter
	for _, it := range items {
		text := func(field string) string { s, _ := it.Fields[field].(string); return s }
		received, err := time.Parse(time.RFC3339, text("receivedDateTime"))
		if err != nil {
			t.Fatal(err)
		}
		id := text("internetMessageId")
		if strings.HasSuffix(id, "@graphserve.example>") {
			id = "" // the service makes one where a mail has none
		}
		all = append(all, letter{id, readable(text("subject")), carried(graphFlags(it)), received.UTC()})
	}
	slices.SortFunc(all, letter.compare)
	return all
}

// graphFlags are the flags of a mail, as a user of Outlook sees them, in the words of IMAP.
func graphFlags(it graphserve.Item) []string {
	var flags []string
	if it.Fields["isRead"] == true {
		flags = append(flags, `\Seen`)
	}
	if it.Fields["isDraft"] == true {
		flags = append(flags, `\Draft`)
	}
	if flag, ok := it.Fields["flag"].(map[string]any); ok && flag["flagStatus"] == "flagged" {
		flags = append(flags, `\Flagged`)
	}
	switch it.Properties["Integer 0x1081"] { // PidTagLastVerbExecuted
	case "102", "103":
		flags = append(flags, `\Answered`)
	case "104":
		flags = append(flags, "$Forwarded")
	}
	categories, _ := it.Fields["categories"].([]any)
	for _, c := range categories {
		flags = append(flags, fmt.Sprint(c))
	}
	return flags
}

// carried are flags without what the service cannot keep: a message has one last verb, so one that was answered and forwarded
// is answered, and what programs tell each other is no category.
func carried(flags []string) string {
	flags = slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return f == "NonJunk" })
	if slices.Contains(flags, `\Answered`) {
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == "$Forwarded" })
	}
	slices.Sort(flags)
	return strings.Join(flags, " ")
}

// readable is a subject as a reader sees it, as much of it as Exchange keeps.
func readable(subject string) string {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		subject = decoded
	}
	if !utf8.ValidString(subject) {
		var b strings.Builder
		for _, c := range []byte(subject) {
			b.WriteRune(rune(c)) // Latin-1
		}
		subject = b.String()
	}
	subject = strings.Join(strings.Fields(subject), " ")
	if runes := []rune(subject); len(runes) > 200 {
		subject = string(runes[:200])
	}
	return subject
}

// sameLetters compares mails.
func sameLetters(t *testing.T, folder string, have, want []letter) {
	t.Helper()
	if len(have) != len(want) {
		t.Errorf("%s: %d mails, want %d", folder, len(have), len(want))
		return
	}
	for i := range want {
		if have[i] != want[i] {
			t.Errorf("%s: mail %d is\n%+v, want\n%+v", folder, i, have[i], want[i])
			return
		}
	}
}
