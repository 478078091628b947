package endpointtest_test

import (
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
)

// fixture is a mailbox in memory, whose driver wrap breaks.
type fixture struct {
	t      testing.TB
	server *memendpoint.Server
	quirks memendpoint.Quirks
	wrap   func(*broken) // nil breaks nothing
}

func (f *fixture) Open() *endpoint.Mailbox {
	quirks := f.quirks
	quirks.MaxItem = 2 << 20
	mailbox := f.server.Open(&memendpoint.Options{Account: "ann@mem.example", Quirks: quirks})
	if f.wrap == nil {
		return mailbox
	}
	d := &broken{Driver: mailbox.Driver()}
	f.wrap(d)
	return endpoint.New(d)
}

func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) CreateFolder(path ...string) {
	f.t.Helper()
	f.check(f.server.CreateFolder(path...))
}

func (f *fixture) Deliver(path []string, m endpointtest.Message) (ref string) {
	f.t.Helper()
	ref, err := f.server.Deliver(path, memendpoint.Message{Body: m.Body, Flags: m.Flags, Received: m.Received})
	f.check(err)
	return ref
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
	f.check(f.server.Delete(path, ref))
}

func (f *fixture) Move(from []string, ref string, to []string) {
	f.t.Helper()
	_, err := f.server.Move(from, ref, to)
	f.check(err)
}

func (f *fixture) Rename(from, to []string) bool {
	f.t.Helper()
	f.check(f.server.RenameFolder(from, to))
	return true
}

func (f *fixture) ChangeValidity(path []string) bool {
	f.t.Helper()
	f.check(f.server.ChangeValidity(path...))
	return true
}

func (f *fixture) SetFlags(path []string, ref string, flags ...endpoint.Flag) {
	f.t.Helper()
	f.check(f.server.SetFlags(path, ref, flags...))
}

func (f *fixture) Update(path []string, ref string, body []byte) bool {
	f.t.Helper()
	f.check(f.server.Update(path, ref, body))
	return true
}

func (f *fixture) CreateTrash() bool {
	f.t.Helper()
	f.CreateFolder("Bin")
	f.check(f.server.SetRole(endpoint.Trash, "Bin"))
	return true
}

func (f *fixture) ExpireStates() bool {
	f.server.ExpireStates()
	return true
}

func (f *fixture) Secrets() []string { return []string{"ann@mem.example"} }
