package endpoint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestKindNamesRoundTrip(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for i, k := range endpoint.AllKinds() {
		if int(k) != i+1 {
			t.Errorf("%v has value %d; values are stored and never change", k, k)
		}
		for _, name := range []string{k.String(), strings.ToUpper(k.String())} {
			if got, ok := endpoint.ParseKind(name); !ok || got != k {
				t.Errorf("%q is %v, %v", name, got, ok)
			}
		}
		names[k.String()] = true
	}
	if len(names) != 6 || names["unknown"] {
		t.Errorf("names: %v", names)
	}
	for _, name := range []string{"", "unknown", "mails", " mail"} {
		if k, ok := endpoint.ParseKind(name); ok || k != 0 {
			t.Errorf("%q is %v, %v", name, k, ok)
		}
	}
	if s := endpoint.Kind(0).String() + endpoint.Kind(7).String(); s != "unknownunknown" {
		t.Errorf("kinds that are none are %q", s)
	}
}

func TestOffers(t *testing.T) {
	t.Parallel()
	const native = endpoint.Format("application/native")
	source := endpoint.Capabilities{Read: map[endpoint.Kind][]endpoint.Format{
		endpoint.Mail:  {native, endpoint.RFC822},
		endpoint.Event: {endpoint.ICalendar},
		endpoint.Task:  {},
	}}
	destination := endpoint.Capabilities{Write: map[endpoint.Kind][]endpoint.Format{
		endpoint.Mail:    {endpoint.RFC822, native},
		endpoint.Event:   {native},
		endpoint.Contact: {endpoint.VCard},
	}}
	want := map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {native, endpoint.RFC822}}
	for _, k := range endpoint.AllKinds() {
		if got := source.Offers(k, destination); !slices.Equal(got, want[k]) {
			t.Errorf("%v: offers %v, want %v", k, got, want[k])
		}
	}
	if got := destination.Offers(endpoint.Mail, source); got != nil {
		t.Errorf("what is written is not offered: %v", got)
	}
}
