package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

func TestFolderKey(t *testing.T) {
	for _, test := range []struct {
		path []string
		want string
	}{
		{[]string{"INBOX"}, "INBOX"},
		{[]string{"a", "b"}, "a/b"},
		{[]string{"a/b"}, "a~1b"},
		{[]string{"a~1b"}, "a~01b"},
		{[]string{"~", "/"}, "~0/~1"},
		{[]string{"", ""}, "/"},
		{[]string{"ü\x00\xff"}, "ü\x00\xff"},
	} {
		if have := store.FolderKey(test.path); have != test.want {
			t.Errorf("key of %q is %q, want %q", test.path, have, test.want)
		}
	}
}

// FuzzFolderKey looks that the name of a path leads back to it, and so that no two paths share a
// name.
func FuzzFolderKey(f *testing.F) {
	for _, path := range []string{"INBOX", "a\x01b", "/", "~", "~1\x01~0", "~01", "", "\x01", "\xff\x01\x00"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := strings.Split(text, "\x01")
		if have := store.FolderPath(store.FolderKey(path)); !slices.Equal(have, path) {
			t.Errorf("path %q has key %q, which is the path %q", path, store.FolderKey(path), have)
		}
	})
}

func TestFilterMatches(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2020, 1, day, 0, 0, 0, 0, time.UTC) }
	record := store.Record{Folder: "INBOX", Kind: 1, Status: store.Settled, Received: at(10)}
	timeless, failed, removed := record, record, record
	removed.Status = store.Removed
	timeless.Received = time.Time{}
	failed.Status = store.Failed
	for _, test := range []struct {
		name    string
		filter  store.Filter
		record  store.Record
		present bool
		want    bool
	}{
		{"everything", store.ResetAll, record, true, true},
		{"its folder", store.Filter{Folders: []string{"Sent", "INBOX"}}, record, true, true},
		{"another folder", store.Filter{Folders: []string{"Sent"}}, record, true, false},
		{"no folder", store.Filter{Folders: []string{}}, record, true, false},
		{"its kind", store.Filter{Kinds: []uint8{1}}, record, true, true},
		{"another kind", store.Filter{Kinds: []uint8{2}}, record, true, false},
		{"its status", store.Filter{Statuses: []store.Status{store.Settled}}, record, true, true},
		{"another status", store.Filter{Statuses: []store.Status{store.Intent}}, record, true, false},
		{"we took it away", store.Filter{Statuses: []store.Status{store.Removed}}, removed, false, true},
		{"a user did not", store.Filter{Removed: true}, removed, false, false},
		{"since then", store.Filter{Since: at(10)}, record, true, true},
		{"since later", store.Filter{Since: at(11)}, record, true, false},
		{"before later", store.Filter{Before: at(11)}, record, true, true},
		{"before then", store.Filter{Before: at(10)}, record, true, false},
		{"in an interval", store.Filter{Since: at(9), Before: at(11)}, record, true, true},
		{"without a time", store.Filter{Since: at(11), Before: at(9)}, timeless, true, true},
		{"without a time in another folder", store.Filter{Folders: []string{"Sent"}}, timeless, true, false},
		{"removed and gone", store.Filter{Removed: true}, record, false, true},
		{"removed but present", store.Filter{Removed: true}, record, true, false},
		{"removed but never there", store.Filter{Removed: true}, failed, false, false},
		{"all together", store.Filter{
			Folders: []string{"INBOX"}, Kinds: []uint8{1}, Statuses: []store.Status{store.Settled},
			Since: at(9), Before: at(11), Removed: true,
		}, record, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if have := test.filter.Matches(test.record, test.present); have != test.want {
				t.Errorf("selected: %v, want %v", have, test.want)
			}
		})
	}
}

func TestForgottenCount(t *testing.T) {
	var have store.Forgotten
	for _, status := range []store.Status{store.Intent, store.Settled, store.Failed, store.Originated, store.Removed, store.Adopted} {
		for _, present := range []bool{true, false} {
			have.Count(store.Record{Status: status}, present)
		}
	}
	if want := (store.Forgotten{Records: 12, Settled: 2, Failed: 2, Intents: 2, Adopted: 2, Removed: 1}); have != want {
		t.Errorf("counted %+v, want %+v", have, want)
	}
}
