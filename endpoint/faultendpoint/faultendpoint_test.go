package faultendpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// bench is a mailbox with three mails, and a session over it that fails by plan.
type bench struct {
	t       *testing.T
	server  *memendpoint.Server
	process *faultendpoint.Process
	mailbox *endpoint.Mailbox
	inbox   endpoint.Folder
}

func newBench(t *testing.T, plan string) *bench {
	t.Helper()
	b := &bench{t: t, server: memendpoint.NewServer()}
	for i := range 3 {
		_, err := b.server.Deliver([]string{"INBOX"}, memendpoint.Message{Body: fmt.Appendf(nil, "Subject: %d\r\n\r\nx\r\n", i)})
		b.must(err)
	}
	for f, err := range b.server.Open(nil).Folders(t.Context()) {
		b.must(err)
		b.inbox = f
	}
	p, err := faultendpoint.Parse(plan)
	b.must(err)
	b.process = faultendpoint.NewProcess(p, nil)
	b.mailbox = faultendpoint.Wrap(b.server.Open(nil), "box", b.process)
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// refs lists INBOX through the wrapper.
func (b *bench) refs() (refs []string, err error) {
	for ref, failed := range b.mailbox.Refs(b.t.Context(), b.inbox) {
		if failed != nil {
			return refs, failed
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// put writes three items and returns the codes of their results, "ok" and "-" among them, and the
// error that ended the call.
func (b *bench) put() (results []string, err error) {
	key, failed := watermark.KeyFromBytes(make([]byte, watermark.KeySize))
	b.must(failed)
	var items []endpoint.Put
	for i := range 3 {
		mark := key.Mark(watermark.Types{Source: "src", Destination: "dst"}, "pair", 1, watermark.ID{byte(i)})
		items = append(items, endpoint.Put{
			Mark: mark, Kind: endpoint.Mail, Content: endpoint.Bytes(endpoint.RFC822, []byte("Subject: new\r\n\r\nx")),
		})
	}
	results = []string{"-", "-", "-"}
	for r, failed := range b.mailbox.Put(b.t.Context(), b.inbox, items) {
		if failed != nil {
			return results, failed
		}
		i := slices.IndexFunc(items, func(p endpoint.Put) bool { return p.Mark == r.Mark })
		results[i] = "ok"
		if r.Err != nil {
			results[i] = endpoint.CodeOf(r.Err).String()
		}
	}
	return results, nil
}

func TestSequences(t *testing.T) {
	for _, test := range []struct {
		plan   string
		values int
		code   endpoint.Code
	}{
		{"before unavailable on method=refs at=start", 0, endpoint.Unavailable},
		{"before throttled 5s on method=refs at=2", 1, endpoint.Throttled},
		{"before stale on method=refs at=end", 3, endpoint.Stale},
		{"before stale on method=refs item=3", 2, endpoint.Stale},
	} {
		b := newBench(t, test.plan)
		refs, err := b.refs()
		if len(refs) != test.values || endpoint.CodeOf(err) != test.code || b.process.Fired() != 1 {
			t.Errorf("%s: %d values, %v, %d fired", test.plan, len(refs), err, b.process.Fired())
		}
		if test.code == endpoint.Throttled && endpoint.RetryAfterOf(err) != 5*time.Second {
			t.Errorf("%s: %v", test.plan, endpoint.RetryAfterOf(err))
		}
	}
}

// Of a put, what is there afterwards, what is answered and how the call ends are three things.
func TestPut(t *testing.T) {
	for _, test := range []struct {
		plan    string
		there   int
		results string
		code    endpoint.Code
	}{
		{"before unavailable on method=put at=start", 0, "- - -", endpoint.Unavailable},
		{"after unavailable on method=put at=start", 3, "- - -", endpoint.Unavailable},
		{"before unavailable on method=put at=2", 1, "ok - -", endpoint.Unavailable},
		{"after in-doubt on method=put at=2", 2, "ok - -", endpoint.InDoubt},
		{"before over-quota on method=put at=end", 3, "ok ok ok", endpoint.OverQuota},
		{"item rejected on method=put at=2", 2, "ok rejected ok", endpoint.Unknown},
		{"item-after in-doubt on method=put at=2", 3, "ok in-doubt ok", endpoint.Unknown},
		{"item rejected on method=put at=1; after in-doubt on method=put at=3", 2, "rejected ok -", endpoint.InDoubt},
	} {
		b := newBench(t, test.plan)
		results, err := b.put()
		there := len(b.server.Messages("INBOX")) - 3
		if there != test.there || strings.Join(results, " ") != test.results || endpoint.CodeOf(err) != test.code ||
			(err == nil) != (test.code == endpoint.Unknown) {
			t.Errorf("%s: %d there, %v, %v", test.plan, there, results, err)
		}
	}
}

// Of a delete and a change of flags, too, what happened, what is answered and how the call ends are
// three things.
func TestDeleteAndSetFlags(t *testing.T) {
	for _, test := range []struct {
		plan    string
		done    []string
		results string
		code    endpoint.Code
	}{
		{"before denied on method=M at=start", nil, "- - -", endpoint.Denied},
		{"after unavailable on method=M at=start", []string{"1", "2", "3"}, "- - -", endpoint.Unavailable},
		{"before unavailable on method=M at=2", []string{"1"}, "ok - -", endpoint.Unavailable},
		{"after unavailable on method=M item=2", []string{"1", "2"}, "ok - -", endpoint.Unavailable},
		{"before throttled on method=M at=end", []string{"1", "2", "3"}, "ok ok ok", endpoint.Throttled},
		{"", []string{"1", "2", "3"}, "ok ok ok", endpoint.Unknown},
	} {
		for _, method := range []string{"delete", "set-flags"} {
			b := newBench(t, strings.ReplaceAll(test.plan, "M", method))
			results, err := b.change(method)
			if strings.Join(results, " ") != test.results || endpoint.CodeOf(err) != test.code || (err == nil) != (test.plan == "") {
				t.Errorf("%s, %s: %v, %v", method, test.plan, results, err)
			}
			if done := b.changed(); !slices.Equal(done, test.done) {
				t.Errorf("%s, %s: done to %v, want %v", method, test.plan, done, test.done)
			}
		}
	}
}

// change deletes or flags three items, and returns the codes of their results as put does.
func (b *bench) change(method string) (results []string, err error) {
	refs := []string{"1", "2", "3"}
	seq := b.mailbox.Delete(b.t.Context(), b.inbox, refs)
	if method == "set-flags" {
		var changes []endpoint.FlagChange
		for _, ref := range refs {
			changes = append(changes, endpoint.FlagChange{Ref: ref, Add: []endpoint.Flag{endpoint.Seen}})
		}
		seq = b.mailbox.SetFlags(b.t.Context(), b.inbox, changes)
	}
	results = []string{"-", "-", "-"}
	for r, failed := range seq {
		if failed != nil {
			return results, failed
		}
		results[slices.Index(refs, r.Ref)] = "ok"
		if r.Err != nil {
			results[slices.Index(refs, r.Ref)] = endpoint.CodeOf(r.Err).String()
		}
	}
	return results, nil
}

// changed returns the items that are gone or have a flag.
func (b *bench) changed() (refs []string) {
	kept := map[string]bool{}
	for _, m := range b.server.Messages("INBOX") {
		kept[m.Ref] = len(m.Flags) == 0
	}
	for _, ref := range []string{"1", "2", "3"} {
		if !kept[ref] {
			refs = append(refs, ref)
		}
	}
	return refs
}

func TestFlagsAndFind(t *testing.T) {
	b := newBench(t, "before unavailable on method=flags at=3; before stale on method=find at=end")
	var got []string
	for g, err := range b.mailbox.Flags(t.Context(), b.inbox, nil) {
		got = append(got, g.Ref+endpoint.CodeOf(err).String())
	}
	for ref, err := range b.mailbox.Find(t.Context(), b.inbox, "x") {
		got = append(got, ref+endpoint.CodeOf(err).String())
	}
	if want := []string{"1unknown", "2unknown", "unavailable", "stale"}; !slices.Equal(got, want) || b.process.Fired() != 2 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCallsWithoutSequence(t *testing.T) {
	work := endpoint.Folder{Path: []string{"Work"}}
	b := newBench(t, "before denied on method=create-folder nth=1; after unavailable on method=create-folder nth=2")
	if _, err := b.mailbox.CreateFolder(t.Context(), work); !errors.Is(err, endpoint.ErrDenied) || len(b.server.FolderPaths()) != 1 {
		t.Errorf("before: %v, %v", err, b.server.FolderPaths())
	}
	if _, err := b.mailbox.CreateFolder(t.Context(), work); !errors.Is(err, endpoint.ErrUnavailable) || len(b.server.FolderPaths()) != 2 {
		t.Errorf("after: %v, %v", err, b.server.FolderPaths())
	}
	if _, err := b.mailbox.CreateFolder(t.Context(), work); err != nil {
		t.Error(err)
	}
}

// A body that ends early is an error for whoever reads it, never an item.
func TestTruncate(t *testing.T) {
	b := newBench(t, "truncate 4 on item=2; item damaged on item=3")
	for body, err := range b.mailbox.Read(t.Context(), b.inbox, []string{"1", "2", "3"}, endpoint.ReadOptions{Memory: 1000}) {
		b.must(err)
		if body.Ref == "3" {
			if endpoint.CodeOf(body.Err) != endpoint.Damaged {
				t.Errorf("item: %v", body.Err)
			}
			continue
		}
		b.must(body.Err)
		r, err := body.Content.Open()
		b.must(err)
		text, err := io.ReadAll(r)
		b.must(errors.Join(r.Close(), body.Content.Close()))
		if whole := body.Ref == "1"; whole != (err == nil) || whole != bytes.HasSuffix(text, []byte("x\r\n")) {
			t.Errorf("item %s: %q, %v", body.Ref, text, err)
		}
	}
	if b.process.Fired() != 2 {
		t.Errorf("%d fired", b.process.Fired())
	}
}

// A process that crashed has no effects any more, through whatever was wrapped for it.
func TestCrash(t *testing.T) {
	for _, test := range []struct {
		plan  string
		there int
	}{
		{"crash-before on method=put at=2", 1},
		{"crash-after on method=put at=2", 2},
		{"crash-after on method=put at=start", 3},
	} {
		b := newBench(t, test.plan)
		if _, err := b.put(); !errors.Is(err, faultendpoint.ErrCrashed) {
			t.Errorf("%s: %v", test.plan, err)
		}
		if _, err := b.put(); !errors.Is(err, faultendpoint.ErrCrashed) {
			t.Errorf("%s, afterwards: %v", test.plan, err)
		}
		if n := len(b.server.Messages("INBOX")) - 3; n != test.there || !b.process.Crashed() {
			t.Errorf("%s: %d there", test.plan, n)
		}
		calls := b.process.Calls()
		if _, err := b.refs(); !errors.Is(err, faultendpoint.ErrCrashed) || b.process.Calls() != calls {
			t.Errorf("%s: another call: %v", test.plan, err)
		}
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "delay 3h on method=refs at=2")
		began := time.Now()
		if refs, err := b.refs(); err != nil || len(refs) != 3 || time.Since(began) != 3*time.Hour {
			t.Errorf("%v, %v after %v", refs, err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		b = newBench(t, "delay 3h on method=refs at=2")
		for _, err := range b.mailbox.Refs(ctx, b.inbox) {
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if waited := time.Since(began); waited != 3*time.Hour+time.Minute {
			t.Errorf("a delay outlived its context: %v", waited)
		}
	})
}

// What the wrapper does not fail is passed on whole.
func TestNothingPlanned(t *testing.T) {
	b := newBench(t, "")
	results, err := b.put()
	if refs, failed := b.refs(); errors.Join(err, failed) != nil || len(refs) != 6 || strings.Join(results, " ") != "ok ok ok" {
		t.Errorf("%v, %v, %v, %v", results, refs, err, failed)
	}
	if _, err := b.mailbox.Quota(t.Context()); err != nil {
		t.Error(err)
	}
	if b.mailbox.Info().Type != "mem" || b.mailbox.Wire().Commands == 0 || b.process.Fired() != 0 {
		t.Errorf("%+v, %+v", b.mailbox.Info(), b.mailbox.Wire())
	}
}
