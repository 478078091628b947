package graphendpoint

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-vcard"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// place puts a line into the field that means the same, if there is one and it is free.
func (p *contactPlaces) place(l cardLine) bool {
	switch l.name {
	case vcard.FieldUID:
		return p.placeUID(l)
	case vcard.FieldName:
		return p.placeName(l)
	case vcard.FieldEmail:
		return p.placeEmail(l)
	case vcard.FieldTelephone:
		return p.placePhone(l)
	case vcard.FieldAddress:
		return p.placeAddress(l)
	case vcard.FieldOrganization:
		return p.placeOrganization(l)
	case vcard.FieldRelated:
		return p.placeRelated(l)
	case vcard.FieldBirthday:
		return p.placeBirthday(l)
	case vcard.FieldAnniversary, "X-MS-ANNIVERSARY", "X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY":
		return p.placeAnniversary(l)
	case vcard.FieldCategories:
		return p.placeCategories(l)
	case vcard.FieldNickname:
		return free(p.contact.GetNickName, p.contact.SetNickName, strings.Join(l.list(), ", "))
	}
	if l.name == vcard.FieldIMPP || instantMessaging(l.name) != "" {
		return p.placeIM(l)
	}
	return p.placeText(l)
}

// placeText places what is one text in Graph as well. Names that begin with X- are those of Outlook (MS-OXVCARD section 2.1.3),
// Evolution, KDE and Apple.
func (p *contactPlaces) placeText(l cardLine) bool {
	c := p.contact
	switch l.name {
	case vcard.FieldFormattedName:
		return free(c.GetDisplayName, c.SetDisplayName, l.text())
	case vcard.FieldTitle:
		return free(c.GetJobTitle, c.SetJobTitle, l.text())
	case vcard.FieldRole:
		return free(c.GetProfession, c.SetProfession, l.text())
	case vcard.FieldNote:
		return free(c.GetPersonalNotes, c.SetPersonalNotes, l.text())
	case vcard.FieldURL:
		return free(c.GetBusinessHomePage, c.SetBusinessHomePage, l.text())
	case "X-MS-SPOUSE", "X-SPOUSE", "X-EVOLUTION-SPOUSE", "X-KADDRESSBOOK-X-SPOUSESNAME":
		return free(c.GetSpouseName, c.SetSpouseName, l.text())
	case "X-MS-MANAGER", "X-MANAGER", "X-EVOLUTION-MANAGER", "X-KADDRESSBOOK-X-MANAGERSNAME":
		return free(c.GetManager, c.SetManager, l.text())
	case "X-MS-ASSISTANT", "X-ASSISTANT", "X-EVOLUTION-ASSISTANT", "X-KADDRESSBOOK-X-ASSISTANTSNAME":
		return free(c.GetAssistantName, c.SetAssistantName, l.text())
	case "X-MS-CHILD":
		return p.placeChild(l)
	case "X-EVOLUTION-FILE-AS":
		return free(c.GetFileAs, c.SetFileAs, l.text())
	case "X-INITIALS":
		return free(c.GetInitials, c.SetInitials, l.text())
	case "X-PHONETIC-FIRST-NAME":
		return free(c.GetYomiGivenName, c.SetYomiGivenName, l.text())
	case "X-PHONETIC-LAST-NAME":
		return free(c.GetYomiSurname, c.SetYomiSurname, l.text())
	case "X-PHONETIC-ORG":
		return free(c.GetYomiCompanyName, c.SetYomiCompanyName, l.text())
	}
	return false
}

// free sets a field that has nothing in it, and reports whether it did.
func free(get func() *string, set func(*string), value string) bool {
	value = strings.TrimSpace(value)
	if get() != nil || value == "" {
		return false
	}
	set(&value)
	return true
}

func (p *contactPlaces) placeUID(l cardLine) bool {
	if propertyOf(p.contact, uidProperty) != "" {
		return false
	}
	addProperty(p.contact, uidProperty, uidKey(l.text()))
	return true
}

// uidKey is what an item is found by: its UID, or a digest of one that is longer than what Exchange compares.
func uidKey(uid string) string {
	if utf16Length(uid) <= maxUID {
		return uid
	}
	return "sha256-" + digest(uid, sha256.Size)
}

// placeName takes the first N (RFC 6350 section 6.2.2): family, given and additional names, prefixes, suffixes.
func (p *contactPlaces) placeName(l cardLine) bool {
	c, n := p.contact, l.components(5)
	if c.GetSurname() != nil || c.GetGivenName() != nil || c.GetMiddleName() != nil || c.GetTitle() != nil || c.GetGeneration() != nil {
		return false
	}
	free(c.GetSurname, c.SetSurname, n[0])
	free(c.GetGivenName, c.SetGivenName, n[1])
	free(c.GetMiddleName, c.SetMiddleName, n[2])
	free(c.GetTitle, c.SetTitle, n[3])
	free(c.GetGeneration, c.SetGeneration, n[4])
	return true
}

func (p *contactPlaces) placeEmail(l cardLine) bool {
	list := p.contact.GetEmailAddresses()
	address := strings.TrimPrefix(strings.TrimSpace(l.text()), "mailto:")
	if len(list) >= maxContactEmails || address == "" {
		return false
	}
	e := models.NewEmailAddress()
	e.SetAddress(&address)
	p.contact.SetEmailAddresses(append(list, e))
	return true
}

// placePhone sorts numbers by their types (RFC 6350 section 6.4.1). A number that is neither mobile nor at home counts as one at work.
func (p *contactPlaces) placePhone(l cardLine) bool {
	c, number := p.contact, phoneNumber(l)
	is := l.params.HasType
	switch {
	case number == "" || is(vcard.TypeFax) || is(vcard.TypePager):
		return false
	case is(vcard.TypeCell) && free(c.GetMobilePhone, c.SetMobilePhone, number):
		return true
	case is(vcard.TypeHome):
		return freeOf(maxPhones, c.GetHomePhones, c.SetHomePhones, number)
	}
	return freeOf(maxPhones, c.GetBusinessPhones, c.SetBusinessPhones, number)
}

func phoneNumber(l cardLine) string { return strings.TrimPrefix(strings.TrimSpace(l.text()), "tel:") }

// freeOf adds to a list that takes only so many.
func freeOf(most int, get func() []string, set func([]string), value string) bool {
	if len(get()) >= most {
		return false
	}
	set(append(get(), value))
	return true
}

// placeAddress takes one address at home, one at work and one of any other sort (RFC 6350 section 6.3.1). What is between a street and
// a post office box has one field, which takes several lines.
func (p *contactPlaces) placeAddress(l cardLine) bool {
	c, parts := p.contact, l.components(7)
	box, extended := parts[0], parts[1]
	get, set := c.GetOtherAddress, c.SetOtherAddress
	switch {
	case l.params.HasType(vcard.TypeWork):
		get, set = c.GetBusinessAddress, c.SetBusinessAddress
		// Outlook's cards have the office there (MS-OXVCARD section 2.1.3.3).
		if get() == nil && free(c.GetOfficeLocation, c.SetOfficeLocation, extended) {
			extended = ""
		}
	case l.params.HasType(vcard.TypeHome):
		get, set = c.GetHomeAddress, c.SetHomeAddress
	}
	if get() != nil || strings.Join(parts, "") == "" {
		return false
	}
	a := models.NewPhysicalAddress()
	free(a.GetStreet, a.SetStreet, strings.Join(slices.DeleteFunc([]string{extended, parts[2], box}, func(s string) bool { return s == "" }), "\n"))
	free(a.GetCity, a.SetCity, parts[3])
	free(a.GetState, a.SetState, parts[4])
	free(a.GetPostalCode, a.SetPostalCode, parts[5])
	free(a.GetCountryOrRegion, a.SetCountryOrRegion, parts[6])
	if extended != "" || strings.Join(parts, "") != parts[1] {
		set(a) // it is more than an office
	}
	return true
}

func (p *contactPlaces) placeOrganization(l cardLine) bool {
	c, parts := p.contact, l.components(1)
	if c.GetCompanyName() != nil || c.GetDepartment() != nil {
		return false
	}
	units := slices.DeleteFunc(parts[1:], func(s string) bool { return s == "" })
	company := free(c.GetCompanyName, c.SetCompanyName, parts[0])
	return free(c.GetDepartment, c.SetDepartment, strings.Join(units, ", ")) || company
}

// placeRelated takes the names of spouse and children (RFC 6350 section 6.6.6). Links to other cards have no place.
func (p *contactPlaces) placeRelated(l cardLine) bool {
	switch {
	case !strings.EqualFold(l.params.Get(vcard.ParamValue), "text"):
		return false
	case l.params.HasType(vcard.TypeSpouse):
		return free(p.contact.GetSpouseName, p.contact.SetSpouseName, l.text())
	case l.params.HasType(vcard.TypeChild):
		return p.placeChild(l)
	}
	return false
}

func (p *contactPlaces) placeChild(l cardLine) bool {
	name := strings.TrimSpace(l.text())
	return name != "" && freeOf(maxChildren, p.contact.GetChildren, p.contact.SetChildren, name)
}

func (p *contactPlaces) placeIM(l cardLine) bool {
	address := strings.TrimSpace(l.text())
	if scheme := instantMessaging(l.name); scheme != "" && !strings.HasPrefix(address, scheme) {
		address = scheme + address
	}
	return address != "" && freeOf(maxContactIMs, p.contact.GetImAddresses, p.contact.SetImAddresses, address)
}

// instantMessaging is the scheme of the addresses that old properties hold without one.
func instantMessaging(name string) string {
	switch name {
	case "X-AIM":
		return "aim:"
	case "X-ICQ":
		return "icq:"
	case "X-JABBER":
		return "xmpp:"
	case "X-MSN":
		return "msnim:"
	case "X-SKYPE", "X-SKYPE-USERNAME":
		return "skype:"
	case "X-YAHOO":
		return "ymsgr:"
	case "X-MS-IMADDRESS":
		return "im:"
	}
	return ""
}

// placeCategories joins all lists of categories: the order of a card's lines means nothing.
func (p *contactPlaces) placeCategories(l cardLine) bool {
	all, ok := joined(p.contact.GetCategories(), l.list())
	if ok {
		p.contact.SetCategories(all)
	}
	return ok
}

// joined adds categories to others, each once. Where they would be too many, ok is false.
func joined(all, more []string) (_ []string, ok bool) {
	for _, name := range more {
		if slices.Contains(all, name) {
			continue
		}
		if len(all) >= maxKeywords {
			return nil, false
		}
		all = append(all, name)
	}
	return all, true
}

// placeBirthday writes the day as Outlook does, shortly before noon in UTC: nearly everywhere on Earth, that is the same day.
func (p *contactPlaces) placeBirthday(l cardLine) bool {
	day, ok := cardDay(l)
	if !ok || p.contact.GetBirthday() != nil {
		return false
	}
	at := day.Add(12*time.Hour - time.Minute)
	p.contact.SetBirthday(&at)
	return true
}

func (p *contactPlaces) placeAnniversary(l cardLine) bool {
	day, ok := cardDay(l)
	if !ok || propertyOf(p.contact, anniversaryProperty) != "" {
		return false
	}
	addProperty(p.contact, anniversaryProperty, day.Add(12*time.Hour-time.Minute).Format(time.RFC3339))
	return true
}

// cardDay reads a date (RFC 6350 section 4.3.1), with or without a year and whatever time follows. Others, such as a year alone, are
// no day.
func cardDay(l cardLine) (time.Time, bool) {
	if strings.EqualFold(l.params.Get(vcard.ParamValue), "text") || l.params.Get(vcard.ParamCalendarScale) != "" {
		return time.Time{}, false
	}
	date, _, _ := strings.Cut(strings.TrimSpace(l.value), "T")
	if rest, ok := strings.CutPrefix(date, "--"); ok {
		date = strconv.Itoa(noYear) + rest
	}
	day, err := time.Parse("20060102", strings.ReplaceAll(date, "-", ""))
	// Exchange counts time from 1601 (MS-DTYP section 2.3.3).
	return day, err == nil && day.Year() >= noYear
}
