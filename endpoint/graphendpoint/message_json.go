package graphendpoint

import (
	"net/mail"
	"slices"
	"strconv"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Properties of a message that the service has no field for, or fields that it ignores when a message is made (MS-OXPROPS section 2).
const (
	flagsProperty        = "Integer 0x0E07"    // PidTagMessageFlags
	receivedProperty     = "SystemTime 0x0E06" // PidTagMessageDeliveryTime
	sentProperty         = "SystemTime 0x0039" // PidTagClientSubmitTime
	headerProperty       = "String 0x007D"     // PidTagTransportMessageHeaders
	inReplyToProperty    = "String 0x1042"     // PidTagInReplyToId
	referencesProperty   = "String 0x1039"     // PidTagInternetReferences
	messageClassProperty = "String 0x001A"     // PidTagMessageClass
)

// unaddressed is the message for a service that refuses something in it: without addresses and what else it looks at, but with the header
// as a file.
func (m *mimeMessage) unaddressed() *mimeMessage {
	out := *m
	out.from, out.sender, out.to, out.cc, out.bcc, out.replyTo = nil, nil, nil, nil, nil, nil
	out.header, out.class = "", ""
	out.attachments = append([]attachment{m.headerFile}, m.attachments...)
	return &out
}

// bare is the message for a service that refuses even that: an empty one to which the original is attached.
func (m *mimeMessage) bare() *mimeMessage {
	return &mimeMessage{
		subject: m.subject, date: m.date, importance: m.importance,
		headerFile: m.headerFile, original: m.original, attachments: []attachment{m.original},
	}
}

// weight is about how much the message takes of a request without its attachments, in bytes.
func (m *mimeMessage) weight() int64 {
	n := int64(64 << 10) // flags, categories and names of fields
	for _, text := range []string{m.subject, m.messageID, m.inReplyTo, m.references, m.header, m.body} {
		n += sizeInJSON(text)
	}
	for _, list := range [][]*mail.Address{m.to, m.cc, m.bcc, m.replyTo} {
		for _, a := range list {
			n += sizeInJSON(a.Name) + sizeInJSON(a.Address) + 64
		}
	}
	return n
}

// json is the message as it is sent, without attachments.
func (m *mimeMessage) json(item endpoint.Put, state messageState) *models.Message {
	out := models.NewMessage()
	out.SetSubject(&m.subject)
	out.SetBody(m.itemBody())
	out.SetFrom(recipient(m.from))
	out.SetSender(recipient(m.sender))
	out.SetToRecipients(recipients(m.to))
	out.SetCcRecipients(recipients(m.cc))
	out.SetBccRecipients(recipients(m.bcc))
	out.SetReplyTo(recipients(m.replyTo))
	if m.messageID != "" {
		out.SetInternetMessageId(&m.messageID)
	}
	out.SetImportance(&m.importance)
	state.set(out)
	properties := append(m.properties(item.Received), state.properties()...)
	properties = append(properties, extended{flagsProperty, strconv.Itoa(state.flags())}, extended{markProperty, item.Mark.String()})
	out.SetSingleValueExtendedProperties(extendedWith(properties...))
	return out
}

func (m *mimeMessage) itemBody() models.ItemBodyable {
	body, sort := models.NewItemBody(), models.TEXT_BODYTYPE
	if m.isHTML {
		sort = models.HTML_BODYTYPE
	}
	body.SetContentType(&sort)
	body.SetContent(&m.body)
	return body
}

// properties are those that the header of the message tells. A message without a date was sent when it was received; otherwise the
// service would say that it was sent now.
func (m *mimeMessage) properties(received time.Time) []extended {
	sent := m.date
	if sent.IsZero() {
		sent = received
	}
	if received.IsZero() {
		received = sent
	}
	return slices.DeleteFunc([]extended{
		{receivedProperty, systemTime(received)},
		{sentProperty, systemTime(sent)},
		{headerProperty, m.header},
		{inReplyToProperty, m.inReplyTo},
		{referencesProperty, m.references},
		{messageClassProperty, m.class},
	}, func(p extended) bool { return p.value == "" })
}

// systemTime is a time as a property, or empty for none. Times that the store cannot hold are clamped: it counts from 1601
// (MS-DTYP section 2.3.3), and the year 4501 stands for none (MS-OXOTASK section 2.2.2.2.4).
func systemTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	least, most := time.Date(1601, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(4500, 8, 31, 0, 0, 0, 0, time.UTC)
	if t = t.UTC(); t.Before(least) {
		t = least
	} else if t.After(most) {
		t = most
	}
	return t.Format(time.RFC3339)
}

func recipients(list []*mail.Address) []models.Recipientable {
	if len(list) == 0 {
		return nil
	}
	out := make([]models.Recipientable, len(list))
	for i, a := range list {
		out[i] = recipient(a)
	}
	return out
}

func recipient(a *mail.Address) models.Recipientable {
	if a == nil {
		return nil
	}
	email := models.NewEmailAddress()
	email.SetAddress(&a.Address)
	if a.Name != "" {
		email.SetName(&a.Name)
	}
	out := models.NewRecipient()
	out.SetEmailAddress(email)
	return out
}
