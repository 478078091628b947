package pass_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// tree is a mailbox with a mail in each of many folders.
func tree(t *testing.T) *world {
	t.Helper()
	w := withTrash(t)
	for _, path := range []string{"Work", "Work/2025", "Work/2026", "Work/2026/Q1", "Private", "Private/2026", "Works"} {
		w.must(w.src.CreateFolder(strings.Split(path, "/")...))
	}
	for _, path := range w.src.FolderPaths() {
		w.deliver(1, path...)
	}
	return w
}

// arrived lists the folders of the destination that have items, in order.
func (w *world) arrived() string {
	var names []string
	for _, path := range w.dst.FolderPaths() {
		if len(w.dst.Messages(path...)) > 0 {
			names = append(names, strings.Join(path, "/"))
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestFolderPatterns(t *testing.T) {
	patterns := func(list ...pass.Pattern) []pass.Pattern { return list }
	for _, c := range []struct {
		include, exclude []pass.Pattern
		want             string
	}{
		{patterns("Work"), nil, "Work Work/2025 Work/2026 Work/2026/Q1"},
		{patterns("Work"), patterns("Work/2026"), "Work Work/2025"},
		{patterns("Work*"), nil, "Work Work/2025 Work/2026 Work/2026/Q1 Works"},
		{patterns("*/2026"), nil, "Private/2026 Work/2026 Work/2026/Q1"},
		{patterns("**/Q1"), nil, "Work/2026/Q1"},
		{patterns("**/2026", "INBOX"), patterns("Private"), "INBOX Work/2026 Work/2026/Q1"},
		{nil, patterns("Work", "Private", "Works"), "INBOX Trash"},
	} {
		t.Run(fmt.Sprint(c.include, " without ", c.exclude), func(t *testing.T) {
			w := tree(t)
			r := w.run(pass.Options{Select: pass.Selection{Include: c.include, Exclude: c.exclude}})
			if have := w.arrived(); have != c.want {
				t.Errorf("%s arrived, want %s", have, c.want)
			}
			n := len(strings.Fields(c.want))
			want(t, r, pass.Counts{Listed: 9, Migrated: n, Filtered: 9 - n})
			want(t, w.run(pass.Options{}), pass.Counts{Listed: 9, Migrated: 9 - n, Already: n})
		})
	}
}

func TestEverythingButDeletedItems(t *testing.T) {
	w := tree(t)
	o := pass.Options{Select: pass.Selection{NotRoles: []endpoint.Role{endpoint.Trash}}}
	want(t, w.run(o), pass.Counts{Listed: 9, Migrated: 8, Filtered: 1})
	w.holds(0, "Trash")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 9, Migrated: 1, Already: 8})
}

func TestOnlyFoldersOfARole(t *testing.T) {
	w := tree(t)
	o := pass.Options{Select: pass.Selection{Roles: []endpoint.Role{endpoint.Inbox, endpoint.Trash}}}
	want(t, w.run(o), pass.Counts{Listed: 9, Migrated: 2, Filtered: 7})
	if have := w.arrived(); have != "INBOX Trash" {
		t.Errorf("%s arrived", have)
	}
}

// Filters of kind and size leave no record either: what they left out comes when they are gone.
func TestFiltersWidenAndNarrow(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 4; n++ {
		_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Body: fmt.Appendf(nil, "Subject: %d\r\n\r\n%*d", n, 100*n, n)})
		w.must(err)
	}
	w.deliverEvent("1", "lunch", inbox)
	size := func(n int64) pass.Options {
		return pass.Options{Select: pass.Selection{MaxSize: n, Kinds: []endpoint.Kind{endpoint.Mail}}}
	}
	want(t, w.run(size(150)), pass.Counts{Listed: 5, Migrated: 1, Filtered: 4})
	want(t, w.run(size(350)), pass.Counts{Listed: 5, Migrated: 2, Already: 1, Filtered: 2})
	want(t, w.run(size(150)), pass.Counts{Listed: 5, Already: 1, Filtered: 4})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 2, Already: 3})
	w.holds(5, inbox)
}
