package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// fakeSource is a mailbox with any number of items in one folder. It holds none of them: it computes
// each when it is asked.
type fakeSource struct {
	endpoint.Unimplemented
	items int
}

const (
	fakeType     = "fake"
	fakeFolder   = "INBOX"
	fakeValidity = "1700000000"
	fakeItem     = "X-Item: " // with the number of an item, in its body
)

func (fakeSource) Info() endpoint.Info {
	return endpoint.Info{Type: fakeType, Driver: "fake/1", Account: "source"}
}

func fakeCapabilities() endpoint.Capabilities {
	formats := map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {endpoint.RFC822}}
	return endpoint.Capabilities{
		Read: formats, Write: formats, States: true, CreateFolder: true, DeleteFolder: true, Outlines: true,
		Keywords: true, Received: true, Exact: true, Concurrency: 4,
	}
}

func (fakeSource) Capabilities(context.Context) (endpoint.Capabilities, error) {
	return fakeCapabilities(), nil
}

func (s fakeSource) Folders(context.Context) iter.Seq2[endpoint.Folder, error] {
	return one(inboxOf(s.items))
}

// inboxOf is the one folder of a fake mailbox. Its state is the number of its items, for none ever goes.
func inboxOf(items int) endpoint.Folder {
	return endpoint.Folder{
		ID: fakeFolder, Path: []string{fakeFolder}, Role: endpoint.Inbox, Kinds: []endpoint.Kind{endpoint.Mail},
		Validity: fakeValidity, State: strconv.Itoa(items), Items: items, Subscribed: true,
	}
}

// Stayed says that no item ever leaves: those up to the number that is a state are there.
func (fakeSource) Stayed(since, _ string) func(ref string) bool { return upTo(since) }

func upTo(state string) func(ref string) bool {
	most, err := strconv.Atoi(state)
	if err != nil {
		return nil
	}
	return func(ref string) bool {
		n, err := strconv.Atoi(ref)
		return err == nil && n <= most
	}
}

// List computes the items since a number of them.
func (s fakeSource) List(ctx context.Context, _ endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return s.each(ctx, since, func(i int) endpoint.Item {
		return endpoint.Item{
			Ref: fakeRef(i), Kind: endpoint.Mail, Identity: fakeIdentity(i), Received: fakeTime(i), Sent: fakeTime(i), Size: fakeSize,
		}
	})
}

// Outline computes less of each.
func (s fakeSource) Outline(ctx context.Context, _ endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return s.each(ctx, since, func(i int) endpoint.Item {
		return endpoint.Item{Ref: fakeRef(i), Kind: endpoint.Mail, Received: fakeTime(i), Size: fakeSize}
	})
}

func (s fakeSource) each(ctx context.Context, since string, item func(int) endpoint.Item) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		first, _ := strconv.Atoi(since) // empty is the beginning
		for i := first; i < s.items; i++ {
			if err := ctx.Err(); err != nil {
				yield(endpoint.Item{}, err)
				return
			}
			if !yield(item(i), nil) {
				return
			}
		}
	}
}

func (s fakeSource) Refs(context.Context, endpoint.Folder) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := 0; i < s.items && yield(fakeRef(i), nil); i++ {
		}
	}
}

func (s fakeSource) Marks(context.Context, endpoint.Folder, string) iter.Seq2[endpoint.Sighting, error] {
	return func(func(endpoint.Sighting, error) bool) {}
}

// Read makes the bodies, one after the other.
func (s fakeSource) Read(_ context.Context, _ endpoint.Folder, refs []string, _ endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		for _, ref := range refs {
			n, err := strconv.Atoi(ref)
			if err != nil || n > s.items {
				yield(endpoint.Body{}, endpoint.Errorf(endpoint.NotFound, "no such item"))
				return
			}
			body := endpoint.Body{
				Ref: ref, Received: fakeTime(n - 1), Identity: fakeIdentity(n - 1),
				Flags: []endpoint.Flag{endpoint.Seen}, Content: endpoint.Bytes(endpoint.RFC822, fakeBody(n-1)),
			}
			if !yield(body, nil) {
				return
			}
		}
	}
}

func (fakeSource) Close() error { return nil }

// What is computed of an item.

const fakeSize = 1000

func fakeRef(i int) string { return strconv.Itoa(i + 1) }

func fakeTime(i int) time.Time { return time.Unix(1_300_000_000+int64(i)*60, 0).UTC() }

// fakeIdentity is as long as the fingerprint of a mail.
func fakeIdentity(i int) string { return fmt.Sprintf("%032x", uint64(i)*0x9E3779B97F4A7C15) }

func fakeBody(i int) []byte {
	text := fmt.Appendf(make([]byte, 0, fakeSize), "From: a@sender.example\r\nSubject: item\r\n"+fakeItem+"%d\r\n\r\n", i)
	for len(text) < fakeSize-2 {
		text = append(text, "0123456789abcdef"[:min(16, fakeSize-2-len(text))]...)
	}
	return append(text, "\r\n"...)
}

// fakeNumber returns the number of the item with a body, or false for others.
func fakeNumber(body []byte) (int, bool) {
	_, rest, found := bytes.Cut(body, []byte("\r\n"+fakeItem))
	text, _, ended := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(text))
	return n, found && ended && err == nil
}

func one[T any](values ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}
