package graphendpoint

import (
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
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
		if strings.EqualFold(shortTag(text(p.GetId())), shortTag(id)) {
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

// text returns what a field of the SDK holds, or "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
