package memendpoint

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
)

// TestConformance runs the suite of all endpoints, also with quirks that its capabilities tell.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]Quirks{
		"plain":          {},
		"NoStates":       {NoStates: true},
		"StateSince":     {StateSince: true},
		"NoKeywords":     {NoKeywords: true},
		"NoDeletedFlag":  {NoDeletedFlag: true},
		"OwnIdentities":  {OwnIdentities: true},
		"IgnoreReceived": {IgnoreReceived: true},
		"Rewrite":        {Rewrite: true},
		"NoCreateFolder": {NoCreateFolder: true},
		"Kinds":          {Kinds: []endpoint.Kind{endpoint.Mail}},
		"MaxItem":        {MaxItem: 2 << 20},
		"Visibility":     {Visibility: 3 * time.Second},
		"NoDelete":       {NoDelete: true},
		"NoFlags":        {NoFlags: true},
		"NoVersions":     {NoVersions: true},
		"NoFind":         {NoFind: true},
		"Outlines":       {Outlines: true},
		"all": {
			NoStates: true, NoKeywords: true, IgnoreReceived: true, Rewrite: true, NoCreateFolder: true,
			NoDelete: true, NoFlags: true, NoVersions: true, NoFind: true,
			Kinds: []endpoint.Kind{endpoint.Mail, endpoint.Contact}, MaxItem: 3 << 20, Visibility: time.Hour,
		},
		"Outlines, OwnIdentities, StateSince": {Outlines: true, OwnIdentities: true, StateSince: true},
		"StateSince, Visibility":              {StateSince: true, Visibility: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpointtest.Run(t, endpointtest.Config{
				New: func(t testing.TB) endpointtest.Fixture {
					t.Helper()
					return &fixture{t: t, server: NewServer(), options: Options{Account: "ann@mem.example", Quirks: quirks}}
				},
				Around: synctest.Test,
			})
		})
	}
}

// fixture is a mailbox as the suite wants it.
type fixture struct {
	t       testing.TB
	server  *Server
	options Options
}

func (f *fixture) Open() *endpoint.Mailbox { return f.server.Open(&f.options) }

func (f *fixture) CreateFolder(path ...string) {
	f.t.Helper()
	mustDo(f.t, f.server.CreateFolder(path...))
}

func (f *fixture) Deliver(path []string, m endpointtest.Message) (ref string) {
	f.t.Helper()
	return deliver(f.t, f.server, Message{Body: m.Body, Flags: m.Flags, Received: m.Received}, path...)
}

func (f *fixture) Messages(path []string) []endpointtest.Message {
	var list []endpointtest.Message
	for _, m := range f.server.Messages(path...) {
		list = append(list, endpointtest.Message{Ref: m.Ref, Body: m.Body, Flags: m.Flags, Received: m.Received})
	}
	return list
}

func (f *fixture) Delete(path []string, ref string) {
	f.t.Helper()
	mustDo(f.t, f.server.Delete(path, ref))
}

func (f *fixture) Move(from []string, ref string, to []string) {
	f.t.Helper()
	_, err := f.server.Move(from, ref, to)
	mustDo(f.t, err)
}

func (f *fixture) Rename(from, to []string) bool {
	f.t.Helper()
	mustDo(f.t, f.server.RenameFolder(from, to))
	return true
}

func (f *fixture) ChangeValidity(path []string) bool {
	f.t.Helper()
	mustDo(f.t, f.server.ChangeValidity(path...))
	return true
}

func (f *fixture) SetFlags(path []string, ref string, flags ...endpoint.Flag) {
	f.t.Helper()
	mustDo(f.t, f.server.SetFlags(path, ref, flags...))
}

func (f *fixture) Update(path []string, ref string, body []byte) bool {
	f.t.Helper()
	mustDo(f.t, f.server.Update(path, ref, body))
	return true
}

func (f *fixture) CreateTrash() bool {
	f.t.Helper()
	f.CreateFolder("Bin")
	mustDo(f.t, f.server.SetRole(endpoint.Trash, "Bin"))
	return true
}

func (f *fixture) ExpireStates() bool {
	f.server.ExpireStates()
	return true
}

func (f *fixture) Secrets() []string { return []string{"ann@mem.example"} }
