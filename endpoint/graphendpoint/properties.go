package graphendpoint

import (
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/watermark"
)

const (
	// internetHeaders is the namespace PS_INTERNET_HEADERS (MS-OXPROPS section 1.3.2): Exchange shows its String properties as
	// fields of the message's header (MS-OXCMAIL section 2.1.3.2.4).
	internetHeaders = "{00020386-0000-0000-C000-000000000046}"
	// publicStrings is the namespace PS_PUBLIC_STRINGS (MS-OXPROPS section 1.3.2), which no header shows.
	publicStrings = "{00020329-0000-0000-C000-000000000046}"
	// markProperty is the named property that holds the mark of an item.
	markProperty = "String " + internetHeaders + " Name X-Dandyroll"
	// partialProperty holds the mark of an event or contact that is not yet whole. Such an item does not count.
	partialProperty = "String " + internetHeaders + " Name X-Dandyroll-Partial"
)

// extended is an extended property of an item.
type extended struct{ id, value string }

// extendedWith makes what the SDK takes of extended properties.
func extendedWith(list ...extended) []models.SingleValueLegacyExtendedPropertyable {
	all := make([]models.SingleValueLegacyExtendedPropertyable, len(list))
	for i, p := range list {
		made := models.NewSingleValueLegacyExtendedProperty()
		made.SetId(&p.id)
		made.SetValue(&p.value)
		all[i] = made
	}
	return all
}

// propertied is an item of the SDK that has extended properties.
type propertied interface {
	GetSingleValueExtendedProperties() []models.SingleValueLegacyExtendedPropertyable
}

// propertyOf returns the value of an extended property, or "". The service spells IDs in another case than it was given, and tags
// without leading zeros.
func propertyOf(item propertied, id string) string {
	for _, p := range item.GetSingleValueExtendedProperties() {
		if strings.EqualFold(shortTag(idOf(p)), shortTag(id)) {
			return text(p.GetValue())
		}
	}
	return ""
}

// shortTag removes the leading zeros from the number at the end of a property's ID.
func shortTag(id string) string {
	head, number, found := strings.Cut(id, " 0x")
	if !found {
		return id
	}
	return head + " 0x" + strings.TrimLeft(number, "0")
}

// addProperty adds an extended property to an item; an empty value has none.
func addProperty(item interface {
	propertied
	SetSingleValueExtendedProperties(value []models.SingleValueLegacyExtendedPropertyable)
}, id, value string,
) {
	if value != "" {
		item.SetSingleValueExtendedProperties(append(item.GetSingleValueExtendedProperties(), extendedWith(extended{id, value})...))
	}
}

// expandProperties asks for extended properties, which show only where they are named.
func expandProperties(ids ...string) []string {
	if len(ids) == 0 {
		return nil
	}
	conditions := make([]string, len(ids))
	for i, id := range ids {
		conditions[i] = "id eq " + quoted(id)
	}
	return []string{"singleValueExtendedProperties($filter=" + strings.Join(conditions, " or ") + ")"}
}

// withProperty is the condition that an extended property has a value. The service compares without regard to case.
func withProperty(id, value string) string {
	return "singleValueExtendedProperties/Any(ep: ep/id eq " + quoted(id) + " and ep/value eq " + quoted(value) + ")"
}

// quoted is a string literal of OData (ABNF Construction Rules version 4.01, rule string): quotes are doubled.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// markOf reads the mark of an item that has it in its property.
func markOf[T propertied](item T) watermark.Reading { return readMark(propertyOf(item, markProperty)) }

// readMark reads a mark where it stands alone. Its value is one line of a header, whatever it contains.
func readMark(value string) watermark.Reading {
	if value == "" {
		return watermark.Reading{}
	}
	return watermark.Read([]byte(watermark.Field + ": " + strings.NewReplacer("\r", " ", "\n", " ").Replace(value) + "\r\n"))
}
