package graphendpoint

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestGoldenContactsFromVCard(t *testing.T) {
	t.Parallel()
	for file, card := range inputs(t, "contacts/*.vcf") {
		t.Run(file, func(t *testing.T) {
			contact, photo, err := contactFromVCard(card)
			if err != nil {
				t.Fatal(err)
			}
			base := strings.TrimSuffix(file, ".vcf")
			golden(t, base+".out.json", append(graphJSON(t, contact), fmt.Sprintf("photo of %d bytes\n", len(photo))...))
			golden(t, base+".out.vcf", vCardFromContact(contact, photo))
		})
	}
}

func TestGoldenContactsFromGraph(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "contacts/*.json") {
		t.Run(file, func(t *testing.T) {
			contact := fromJSON[models.Contactable](t, text, models.CreateContactFromDiscriminatorValue)
			card := vCardFromContact(contact, nil)
			base := strings.TrimSuffix(file, ".json")
			golden(t, base+".out.vcf", card)
			again, _, err := contactFromVCard(card)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, base+".out.json", graphJSON(t, again))
		})
	}
}

// A card that came out of a contact once comes out of it the same ever after, and other programs can read it.
func TestContactsRoundTrip(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "contacts/*.vcf") {
		t.Run(file, func(t *testing.T) { checkCardRoundTrip(t, text) })
	}
}

func checkCardRoundTrip(t failer, card []byte) {
	t.Helper()
	contact, photo, err := contactFromVCard(card)
	if err != nil {
		t.Fatalf("%v", err)
	}
	first := vCardFromContact(contact, photo)
	if !utf8.Valid(first) {
		t.Fatalf("no UTF-8: %q", first)
	}
	if _, err := vcard.NewDecoder(bytes.NewReader(first)).Decode(); err != nil {
		t.Fatalf("go-vcard: %v in\n%s", err, first)
	}
	contact, photo, err = contactFromVCard(first)
	if err != nil {
		t.Fatalf("again: %v", err)
	}
	if second := vCardFromContact(contact, photo); !bytes.Equal(first, second) {
		t.Fatalf("first:\n%s\nsecond:\n%s", first, second)
	}
}

// Every line of a card of RFC 6350 comes back, whatever its place: no line is lost, and none is invented but FN.
func TestEveryLineOfACardComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(drawCardLine), 0, 12).Draw(t, "lines")
		card := foldLines(append(append([]string{"BEGIN:VCARD", "VERSION:4.0", "UID:u", "FN:f"}, lines...), "END:VCARD"))
		checkCardRoundTrip(t, card)
		contact, photo, err := contactFromVCard(card)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for _, l := range readCardLines(vCardFromContact(contact, photo)) {
			got[l.String()]++
		}
		for _, l := range readCardLines(card) {
			if got[l.String()]--; got[l.String()] < 0 {
				t.Fatalf("%q is lost: %v", l, got)
			}
		}
	})
}

// drawCardLine draws a line whose meaning is its own: not one that is merged with others (CATEGORIES), or has no value.
func drawCardLine(t *rapid.T) string {
	texts := rapid.StringMatching(`[a-zA-ZäöüЖ山 ;,\\]{0,12}[a-zä山]`)
	name := rapid.SampledFrom([]string{
		"FN", "EMAIL", "TEL", "NOTE", "TITLE", "ROLE", "NICKNAME", "URL", "IMPP", "X-FOO", "X-MS-CHILD", "X-SPOUSE", "X-ICQ", "GENDER", "UID",
		"N", "ADR", "ORG", "BDAY", "ANNIVERSARY",
	}).Draw(t, "name")
	l := cardLine{name: name, params: vcard.Params{}}
	if rapid.Bool().Draw(t, "typed") {
		l.params[vcard.ParamType] = rapid.SliceOfN(rapid.SampledFrom([]string{"home", "work", "cell", "fax", "other"}), 1, 2).Draw(t, "types")
	}
	if rapid.Bool().Draw(t, "preferred") {
		l.params.Set(vcard.ParamPreferred, rapid.SampledFrom([]string{"1", "2", "100", "x"}).Draw(t, "pref"))
	}
	if rapid.Bool().Draw(t, "odd") {
		l.params.Set("X-ODD", rapid.StringMatching(`[a-z:;,^" ]{0,6}`).Draw(t, "odd value"))
	}
	switch name {
	case "N", "ADR", "ORG":
		l.value = cardList(rapid.SliceOfN(texts, 1, 8).Draw(t, "parts"), ";")
	case "BDAY", "ANNIVERSARY":
		l.value = rapid.SampledFrom([]string{"19800412", "1980-04-12", "--0412", "1980", "15850101", "20000101T120000Z"}).Draw(t, "date")
	default:
		l.value = cardText(texts.Draw(t, "value"))
	}
	return l.String()
}

func TestContactRefused(t *testing.T) {
	t.Parallel()
	photo := strings.Repeat("A", (maxPhoto+3)/3*4+4)
	for name, c := range map[string]struct {
		card string
		code endpoint.Code
	}{
		"nothing":      {"", endpoint.Rejected},
		"no card":      {"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", endpoint.Rejected},
		"two cards":    {"BEGIN:VCARD\r\nFN:a\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:b\r\nEND:VCARD\r\n", endpoint.Rejected},
		"no end":       {"BEGIN:VCARD\r\nFN:a\r\n", endpoint.Rejected},
		"photo of 5MB": {"BEGIN:VCARD\r\nFN:a\r\nPHOTO:data:image/png;base64," + photo + "\r\nEND:VCARD\r\n", endpoint.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := contactFromVCard([]byte(c.card)); !hasCode(err, c.code) {
				t.Errorf("got %v, want code %v", err, c.code)
			}
		})
	}
}

// What is kept never outgrows a property, and the UID, which stands first, is there however much follows.
func TestKeptIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("BEGIN:VCARD\r\nFN:a\r\nUID:u\r\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "X-LONG-%d:%s\r\n", i, strings.Repeat("𝄞", i%50))
	}
	b.WriteString("END:VCARD\r\n")
	contact, _, err := contactFromVCard([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	rest := propertyOf(contact, restProperty)
	if n := utf16Length(rest); n > maxKept || n < maxKept-200 {
		t.Errorf("%d code units are kept, want almost %d", n, maxKept)
	}
	if uid := propertyOf(contact, uidProperty); uid != "u" {
		t.Errorf("UID %q", uid)
	}
}

// Time does not follow the square of what a card or task holds: with the race detector, that would be minutes.
func TestHostileNumbersTakeNoTime(t *testing.T) { // not in parallel with others: it takes the time
	const n = 25_000
	var card, task strings.Builder
	for i := range n {
		fmt.Fprintf(&card, "X-MS-CHILD:%d\r\nCATEGORIES:%d\r\nCATEGORIES:same\r\nEMAIL:%d@example.com\r\n", i, i, i)
		fmt.Fprintf(&task, "CATEGORIES:%d\r\nURL:https://example.com/%d\r\nBEGIN:VALARM\r\nTRIGGER:-PT1H\r\nEND:VALARM\r\n", i, i)
	}
	parameters := "NOTE" + strings.Repeat(";X=\"^^\"", n) + ":" + strings.Repeat("\\;\r\n ", n) + "\r\n"
	start := time.Now()
	if _, _, err := contactFromVCard([]byte("BEGIN:VCARD\r\n" + card.String() + parameters + "END:VCARD\r\n")); err != nil {
		t.Error(err)
	}
	calendar := "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nDUE:20240101\r\n" + task.String() + parameters + "END:VTODO\r\nEND:VCALENDAR\r\n"
	if _, err := taskFromICalendar([]byte(calendar)); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

// The detail of a line is shown only while Graph's field says what the line said.
func TestChangeInOutlookWins(t *testing.T) {
	t.Parallel()
	contact, _, err := contactFromVCard([]byte("BEGIN:VCARD\r\nFN:a\r\nTEL;TYPE=cell;PREF=1:1\r\nEND:VCARD\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if card := string(vCardFromContact(contact, nil)); !strings.Contains(card, "TEL;PREF=1;TYPE=cell:1\r\n") {
		t.Errorf("the detail is lost:\n%s", card)
	}
	number := "2"
	contact.SetMobilePhone(&number)
	if card := string(vCardFromContact(contact, nil)); strings.Contains(card, ":1\r\n") || !strings.Contains(card, "TEL;TYPE=cell:2\r\n") {
		t.Errorf("the change is lost:\n%s", card)
	}
}

func FuzzContactFromVCard(f *testing.F) {
	f.Add([]byte("BEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE:=C3=\r\n=BC;\r\nEND:VCARD\r\n"))
	f.Add([]byte("BEGIN:VCARD\nFN:a\nBDAY:--0412\nEMAIL;X=\"^n:\":b\\\nPHOTO:data:;base64,AAAA\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, card []byte) {
		if _, _, err := contactFromVCard(card); err == nil {
			checkCardRoundTrip(t, card)
		}
	})
}
