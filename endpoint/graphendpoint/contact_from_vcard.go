package graphendpoint

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-vcard"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// restProperty holds what of a contact has no place in Graph.
	restProperty = "String " + publicStrings + " Name X-Dandyroll-Rest"
	// uidProperty holds the UID of a contact, by which it is found: Graph's contacts have none.
	uidProperty = "String " + publicStrings + " Name X-Dandyroll-UID"
	// anniversaryProperty is PidTagWeddingAnniversary (MS-OXPROPS section 2.1041), which Outlook shows and Graph does not model.
	anniversaryProperty = "SystemTime 0x3A41"
	// maxPhoto is the greatest photo that a contact takes.
	maxPhoto = 4 << 20
	// maxUID is the length up to which Exchange compares values of named properties.
	maxUID = 255

	maxContactEmails = 3 // a contact of Exchange has as many places for addresses,
	maxContactIMs    = 3 // as many for instant messaging,
	maxPhones        = 2 // and as many for numbers at home and at work, each

	// An attacker's card has no more of these than people have.
	maxChildren = 25
	maxKeywords = 100
	maxDetails  = 200 // lines whose details are kept

	// noYear is the year of a date without one, as Outlook and Apple's address book have it.
	noYear = 1604
)

// contactFromVCard makes a contact, and its photo if it has one, of a vCard of any version.
func contactFromVCard(text []byte) (models.Contactable, []byte, error) {
	lines, err := wholeCard(text)
	if err != nil {
		return nil, nil, err
	}
	// The preferred line of several gets the place (RFC 6350 section 5.3).
	slices.SortStableFunc(lines, func(a, b cardLine) int { return cmp.Compare(preference(a), preference(b)) })
	p := contactPlaces{contact: models.NewContact()}
	for _, l := range lines {
		if err := p.put(l); err != nil {
			return nil, nil, err
		}
	}
	p.keepDetails()
	addProperty(p.contact, restProperty, p.kept.String())
	return p.contact, p.photo, nil
}

// wholeCard returns the lines within the card that a text has to be. Cards within the card (AGENT of vCard 2.1) are passed over.
func wholeCard(text []byte) ([]cardLine, error) {
	var lines []cardLine
	depth, cards := 0, 0
	for _, l := range readCardLines(text) {
		switch {
		case l.name == "BEGIN":
			if depth == 0 && strings.EqualFold(l.value, "VCARD") {
				cards++
			}
			depth++
		case l.name == "END":
			depth = max(depth-1, 0)
		case depth == 1 && strings.Trim(l.value, "; ") != "":
			lines = append(lines, l)
		}
	}
	if cards != 1 || depth != 0 {
		return nil, endpoint.Errorf(endpoint.Rejected, "the contact is not one whole vCard (RFC 6350)")
	}
	return lines, nil
}

func preference(l cardLine) int {
	if n, err := strconv.ParseUint(l.params.Get(vcard.ParamPreferred), 10, 7); err == nil && n > 0 {
		return int(n)
	}
	return 101 // RFC 6350 section 5.3: less than any that says so
}

// contactPlaces puts the lines of a card into the fields of a contact.
type contactPlaces struct {
	contact models.Contactable
	photo   []byte
	kept    kept
	placed  []cardLine
}

// put finds the place of a line, or keeps it.
func (p *contactPlaces) put(l cardLine) error {
	switch l.name {
	case vcard.FieldVersion, vcard.FieldProductID, vcard.FieldRevision:
		// They are about the text, which is written anew.
		return nil
	case vcard.FieldPhoto:
		if done, err := p.putPhoto(l); done || err != nil {
			return err
		}
	default:
		// A line that is there twice has one place: the details of two with one value could not be told apart.
		twin := slices.ContainsFunc(p.placed, func(other cardLine) bool { return other.name == l.name && other.value == l.value })
		if !twin && p.place(l) {
			if len(p.placed) < maxDetails {
				p.placed = append(p.placed, l)
			}
			return nil
		}
	}
	p.kept.add(l.String())
	return nil
}

// putPhoto takes the first photo that the card itself holds.
func (p *contactPlaces) putPhoto(l cardLine) (done bool, err error) {
	head, data, ok := strings.Cut(strings.ReplaceAll(l.value, `\,`, ","), ",")
	if !ok || p.photo != nil || !strings.HasPrefix(strings.ToLower(head), "data:") || !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return false, nil
	}
	photo, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if err != nil || len(photo) == 0 {
		return false, nil //nolint:nilerr // a broken photo is kept as any other line without a place
	}
	if len(photo) > maxPhoto {
		return false, endpoint.Errorf(endpoint.TooLarge, "the photo of the contact is above %d bytes", maxPhoto)
	}
	p.photo = bytes.Clone(photo)
	return true, nil
}

// keepDetails keeps the lines that said more than their places hold: whatever a contact of that line alone would not say.
func (p *contactPlaces) keepDetails() {
	for _, l := range p.placed {
		alone := contactPlaces{contact: models.NewContact()}
		if mobile := text(p.contact.GetMobilePhone()); l.name == vcard.FieldTelephone && mobile != phoneNumber(l) {
			alone.contact.SetMobilePhone(&mobile) // which another number has, so that this one is shown elsewhere
		}
		others := contactLines(alone.contact)
		alone.place(l)
		shown := slices.DeleteFunc(contactLines(alone.contact), func(line string) bool { return slices.Contains(others, line) })
		if len(shown) == 1 {
			p.kept.addInstead(shown[0], l.String())
		}
	}
}
