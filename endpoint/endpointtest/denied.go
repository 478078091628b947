package endpointtest

import (
	"context"
	"errors"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func deniedClauses() []clause {
	return []clause{
		{"E30", "Errors", "errors are endpoint.Error, name operation and driver, and tell no secret", testErrors},
		{"E31", "DeniedMethods", "a method that the capabilities deny is ErrUnsupported and has no effect", testDeniedMethods},
		{"E31", "DeniedKinds", "a kind or format that the capabilities lack is ErrUnsupported, and harms no other item", testDeniedKinds},
	}
}

func testErrors(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 1)
	s.fixture.Delete(work(), refs[0])
	check := func(what string, err error) {
		e, ok := errors.AsType[*endpoint.Error](err)
		if !ok || e.Op == "" || e.Driver != s.box.Info().Type || e.Code == endpoint.Unknown {
			s.Errorf("%s: error is %#v, want operation, driver and code", what, err)
		}
		s.wantDecent(what, err)
	}
	for _, b := range all(s, s.box.Read(s.Context(), f, append(refs, "0", "x\r\ny", ""), endpoint.ReadOptions{})) {
		check("reading what is not there", b.Err)
	}
	gone := f
	if s.fixture.Rename(work(), []string{canary}) {
		_, err := collect(s, s.box.List(s.Context(), gone, ""))
		if err != nil { // the ID moved along with the folder
			check("listing a folder that is gone", err)
		}
	}
	if s.caps.CreateFolder {
		_, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: []string{canary, ""}})
		check("creating a folder without a name", err)
	}
	if s.caps.DeleteFolder {
		check("deleting INBOX", s.box.DeleteFolder(s.Context(), s.folder(s.box, inbox())))
	}
}

func testDeniedMethods(s *scene) {
	f := s.workFolder()
	s.deliver(work(), 0, 2)
	folders, messages := all(s, s.box.Folders(s.Context())), s.fixture.Messages(work())
	denied := map[string]func(context.Context) error{}
	if !s.caps.StateSince {
		denied["State"] = func(ctx context.Context) error {
			_, err := s.box.Driver().State(ctx, f, "")
			return err
		}
	}
	if !s.caps.CreateFolder {
		denied["CreateFolder"] = func(ctx context.Context) error {
			_, err := s.box.Driver().CreateFolder(ctx, endpoint.Folder{Path: []string{"Denied"}})
			return err
		}
	}
	if !s.caps.DeleteFolder {
		denied["DeleteFolder"] = func(ctx context.Context) error { return s.box.Driver().DeleteFolder(ctx, f) }
	}
	if !s.caps.Subscribe {
		denied["Subscribe"] = func(ctx context.Context) error { return s.box.Driver().Subscribe(ctx, f) }
	}
	s.denyItems(f, denied)
	if len(denied) == 0 {
		s.Skip("the capabilities deny no method")
	}
	for name, call := range denied {
		s.wantCode(name, call(s.Context()), endpoint.Unsupported) // the driver, not only the Mailbox over it
	}
	after := all(s, s.open().Folders(s.Context()))
	if !slices.EqualFunc(folders, after, func(a, b endpoint.Folder) bool { return a.ID == b.ID && a.Subscribed == b.Subscribed }) {
		s.Errorf("folders are %+v, were %+v", after, folders)
	}
	s.wantMessages(work(), messages)
}

// denyItems adds the denied methods that take items of a folder.
func (s *scene) denyItems(f endpoint.Folder, denied map[string]func(context.Context) error) {
	s.Helper()
	d, ref := s.box.Driver(), s.fixture.Messages(work())[0].Ref
	if !s.caps.Delete {
		denied["Delete"] = func(ctx context.Context) error {
			_, err := collect(s, d.Delete(ctx, f, []string{ref}))
			return err
		}
	}
	if !s.caps.Flags {
		denied["Flags"] = func(ctx context.Context) error {
			_, err := collect(s, d.Flags(ctx, f, nil))
			return err
		}
	}
	if !s.caps.SetFlags {
		denied["SetFlags"] = func(ctx context.Context) error {
			_, err := collect(s, d.SetFlags(ctx, f, []endpoint.FlagChange{{Ref: ref, Add: []endpoint.Flag{endpoint.Seen}}}))
			return err
		}
	}
	if !s.caps.Outlines {
		denied["Outline"] = func(ctx context.Context) error {
			_, err := collect(s, d.Outline(ctx, f, ""))
			return err
		}
	}
	if !s.caps.Find {
		denied["Find"] = func(ctx context.Context) error {
			_, err := collect(s, d.Find(ctx, f, "0@example.org"))
			return err
		}
	}
}

func testDeniedKinds(s *scene) {
	f := s.workFolder()
	var denied []endpoint.Put
	for _, kind := range endpoint.AllKinds() {
		for _, format := range []endpoint.Format{endpoint.RFC822, endpoint.ICalendar, endpoint.VCard, "application/x-unknown"} {
			if !slices.Contains(s.caps.Write[kind], format) {
				denied = append(denied, endpoint.Put{Mark: s.mark(), Kind: kind, Content: endpoint.Bytes(format, []byte("A: b\r\n\r\n"))})
			}
		}
	}
	var good []endpoint.Put
	if slices.Contains(s.caps.Write[endpoint.Mail], endpoint.RFC822) {
		good = s.mails(2)
	}
	results := s.put(f, slices.Concat(good[:len(good)/2], denied, good[len(good)/2:])...)
	for _, it := range denied {
		s.wantCode(it.Kind.String()+" as "+string(it.Content.Format()), results[it.Mark].Err, endpoint.Unsupported)
	}
	for _, it := range good {
		if err := results[it.Mark].Err; err != nil {
			s.Errorf("an item beside: %v", err)
		}
	}
	if got := len(s.fixture.Messages(work())); got != len(good) {
		s.Errorf("%d items are there, want %d", got, len(good))
	}
}
