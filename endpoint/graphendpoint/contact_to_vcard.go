package graphendpoint

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-vcard"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/watermark"
)

// vCardFromContact makes a vCard 4.0 of a contact and its photo, if it has one.
func vCardFromContact(c models.Contactable, photo []byte) []byte {
	k := parseKept(propertyOf(c, restProperty))
	shown := contactLines(c)
	if len(photo) > 0 {
		shown = append(shown, vcard.FieldPhoto+":"+dataURI(http.DetectContentType(photo), base64.StdEncoding.EncodeToString(photo)))
	}
	lines := k.restore(shown)
	head := []string{"BEGIN:VCARD", "VERSION:4.0"}
	if mark := propertyOf(c, markProperty); mark != "" {
		head = append(head, watermark.Property+":"+cardText(mark))
	}
	if !hasLine(lines, vcard.FieldUID) && c.GetId() != nil {
		lines = slices.Insert(lines, 0, textLine(vcard.FieldUID, ownUID(*c.GetId())))
	}
	if !hasLine(lines, vcard.FieldFormattedName) {
		after := 0
		if hasLine(lines[:min(1, len(lines))], vcard.FieldUID) {
			after = 1
		}
		lines = slices.Insert(lines, after, textLine(vcard.FieldFormattedName, formattedName(c)))
	}
	return foldLines(append(append(head, lines...), "END:VCARD"))
}

// ownUID is the UID of an item that came with none: its immutable ID, named as such.
func ownUID(id string) string { return "graph-" + id }

func hasLine(lines []string, name string) bool {
	for _, line := range lines {
		if l, ok := parseCardLine(line); ok && l.name == name {
			return true
		}
	}
	return false
}

// formattedName is what stands for FN, which every card has (RFC 6350 section 6.2.1), in a contact without a display name.
func formattedName(c models.Contactable) string {
	name := strings.Join(strings.Fields(text(c.GetGivenName())+" "+text(c.GetMiddleName())+" "+text(c.GetSurname())), " ")
	if name == "" {
		name = text(c.GetCompanyName())
	}
	if emails := c.GetEmailAddresses(); name == "" && len(emails) > 0 {
		name = text(emails[0].GetAddress())
	}
	return name
}

// contactLines are the lines that a contact's fields say, each field one line, in a fixed order.
func contactLines(c models.Contactable) []string {
	var s contactShown
	s.text(vcard.FieldUID, propertyOf(c, uidProperty))
	s.text(vcard.FieldFormattedName, text(c.GetDisplayName()))
	s.compound(vcard.FieldName, "", text(c.GetSurname()), text(c.GetGivenName()), text(c.GetMiddleName()), text(c.GetTitle()), text(c.GetGeneration()))
	s.text(vcard.FieldNickname, text(c.GetNickName()))
	s.text("X-INITIALS", text(c.GetInitials()))
	s.text("X-EVOLUTION-FILE-AS", text(c.GetFileAs()))
	s.text("X-PHONETIC-FIRST-NAME", text(c.GetYomiGivenName()))
	s.text("X-PHONETIC-LAST-NAME", text(c.GetYomiSurname()))
	s.text("X-PHONETIC-ORG", text(c.GetYomiCompanyName()))
	s.work(c)
	s.reach(c)
	s.family(c)
	s.uri(vcard.FieldURL, text(c.GetBusinessHomePage()))
	s.text(vcard.FieldNote, text(c.GetPersonalNotes()))
	if list := c.GetCategories(); len(list) > 0 {
		s.lines = append(s.lines, vcard.FieldCategories+":"+cardList(list, ","))
	}
	return s.lines
}

// contactShown collects the lines of a contact.
type contactShown struct{ lines []string }

func (s *contactShown) text(name, value string) {
	if strings.TrimSpace(value) != "" {
		s.lines = append(s.lines, textLine(name, strings.TrimSpace(value)))
	}
}

// uri writes a property whose value is no text, and has no escapes (RFC 6350 section 4.2).
func (s *contactShown) uri(name, value string) {
	if value = strings.TrimSpace(strings.Map(visible, cleanText(value))); value != "" {
		s.lines = append(s.lines, name+":"+value)
	}
}

// compound writes a property of several components.
func (s *contactShown) compound(name, kind string, parts ...string) {
	if strings.Join(parts, "") == "" {
		return
	}
	if kind != "" {
		name += ";TYPE=" + kind
	}
	s.lines = append(s.lines, name+":"+cardList(parts, ";"))
}

// work is what someone is at work.
func (s *contactShown) work(c models.Contactable) {
	if department := text(c.GetDepartment()); department != "" {
		s.compound(vcard.FieldOrganization, "", text(c.GetCompanyName()), department)
	} else {
		s.text(vcard.FieldOrganization, text(c.GetCompanyName()))
	}
	s.text(vcard.FieldTitle, text(c.GetJobTitle()))
	s.text(vcard.FieldRole, text(c.GetProfession()))
	s.text("X-MS-MANAGER", text(c.GetManager()))
	s.text("X-MS-ASSISTANT", text(c.GetAssistantName()))
}

// reach is how someone is reached.
func (s *contactShown) reach(c models.Contactable) {
	for _, e := range c.GetEmailAddresses() {
		if e != nil {
			s.text(vcard.FieldEmail, text(e.GetAddress()))
		}
	}
	s.text(vcard.FieldTelephone+";TYPE=cell", text(c.GetMobilePhone()))
	for _, number := range c.GetBusinessPhones() {
		s.text(vcard.FieldTelephone+";TYPE=work", number)
	}
	for _, number := range c.GetHomePhones() {
		s.text(vcard.FieldTelephone+";TYPE=home", number)
	}
	s.address(vcard.TypeWork, text(c.GetOfficeLocation()), c.GetBusinessAddress())
	s.address(vcard.TypeHome, "", c.GetHomeAddress())
	s.address("", "", c.GetOtherAddress())
	for _, address := range c.GetImAddresses() {
		s.uri(vcard.FieldIMPP, address)
	}
}

func (s *contactShown) address(kind, office string, a models.PhysicalAddressable) {
	if a == nil {
		a = models.NewPhysicalAddress()
	}
	s.compound(vcard.FieldAddress, kind, "", office, text(a.GetStreet()), text(a.GetCity()), text(a.GetState()),
		text(a.GetPostalCode()), text(a.GetCountryOrRegion()))
}

// family is spouse, children and the days to remember.
func (s *contactShown) family(c models.Contactable) {
	s.text(vcard.FieldRelated+";TYPE=spouse;VALUE=text", text(c.GetSpouseName()))
	for _, name := range c.GetChildren() {
		s.text(vcard.FieldRelated+";TYPE=child;VALUE=text", name)
	}
	if at := c.GetBirthday(); at != nil {
		s.text(vcard.FieldBirthday, shownDay(*at))
	}
	if at, err := time.Parse(time.RFC3339, propertyOf(c, anniversaryProperty)); err == nil {
		s.text(vcard.FieldAnniversary, shownDay(at))
	}
}

// shownDay is the day that a time means. Programs write noon in UTC, or midnight of their own zone: the nearest midnight in UTC is
// right for both, west of UTC+12.
func shownDay(at time.Time) string {
	day := at.UTC().Add(12 * time.Hour)
	if day.Year() == noYear {
		return day.Format("--0102")
	}
	return day.Format("20060102")
}
