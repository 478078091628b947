package graphendpoint

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// tree lists folders by their paths, joined for people.
func (b mailBox) tree(t *testing.T) map[string]endpoint.Folder {
	t.Helper()
	list, err := b.folders(t.Context())
	noError(t, err)
	tree := map[string]endpoint.Folder{}
	for _, f := range list {
		name := strings.Join(f.Path, " > ")
		if _, twice := tree[name]; twice {
			t.Errorf("folder %q is listed twice", name)
		}
		if parent := strings.Join(f.Path[:len(f.Path)-1], " > "); parent != "" && tree[parent].ID == "" {
			t.Errorf("folder %q comes before its parent", name)
		}
		tree[name] = f
	}
	return tree
}

func TestMailFolderTree(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	inbox := b.inbox()
	noError(t, b.owner.RenameFolder(inbox, "Posteingang"))
	b.deliver(t, inbox, 1, 2)
	deep := inbox
	for _, name := range []string{"Work", "2024", "Posteingang"} {
		var err error
		deep, err = b.owner.CreateFolder(deep, name)
		noError(t, err)
	}
	search, err := b.owner.CreateFolder("msgfolderroot", "Unread")
	noError(t, err)
	noError(t, b.owner.Update(search, map[string]any{"@odata.type": "#microsoft.graph.mailSearchFolder"}))
	staging, err := b.owner.CreateFolder("msgfolderroot", "Dandyroll import 7")
	noError(t, err)
	noError(t, b.owner.Update(staging, map[string]any{"isHidden": true}))
	settings, err := b.owner.CreateFolder("msgfolderroot", "Quick Step Settings")
	noError(t, err)
	noError(t, b.owner.SetProperty(settings, classProperty, "IPF.Configuration"))

	want := map[string]endpoint.Role{
		"INBOX": endpoint.Inbox, "INBOX > Work": "", "INBOX > Work > 2024": "", "INBOX > Work > 2024 > Posteingang": "",
		"Drafts": endpoint.Drafts, "Sent Items": endpoint.Sent, "Deleted Items": endpoint.Trash, "Junk Email": endpoint.Junk,
		"Archive": endpoint.Archive, "Outbox": "", "Conversation History": "", "Sync Issues": "",
	}
	tree := b.tree(t)
	for name, f := range tree {
		role, ok := want[name]
		hidden := name == "Conversation History" || name == "Sync Issues"
		if !ok || f.Role != role || f.Subscribed == hidden {
			t.Errorf("folder %q is %+v", name, f)
		}
	}
	if len(tree) != len(want) || tree["INBOX"].Items != 2 || tree["INBOX"].ID != inbox {
		t.Errorf("%d folders, want %d: %+v", len(tree), len(want), tree)
	}
}

func TestMailFoldersOfSeveralPages(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	for i := range mailPage + 3 {
		_, err := b.owner.CreateFolder("archive", fmt.Sprint(i))
		noError(t, err)
	}
	list, err := b.children(t.Context(), endpoint.Folder{ID: b.owner.Folder("Archive"), Path: []string{"Archive"}}, nil)
	if err != nil || len(list) != mailPage+3 {
		t.Errorf("%d folders: %v", len(list), err)
	}
}

func TestMailFolderNamesThatStandForOthers(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	noError(t, b.owner.RenameFolder(b.inbox(), "Posteingang"))
	for _, name := range []string{"INBOX", "[Calendars]", "[[tasks]]", "[Else]", "Contacts"} {
		_, err := b.owner.CreateFolder("msgfolderroot", name)
		noError(t, err)
		_, err = b.owner.CreateFolder("archive", name)
		noError(t, err)
	}
	tree := b.tree(t)
	for _, path := range []string{
		"INBOX", "[INBOX]", "[[Calendars]]", "[[[tasks]]]", "[Else]", "Contacts", "Archive > INBOX", "Archive > [Calendars]", "Archive > [[tasks]]",
	} {
		if tree[path].ID == "" {
			t.Errorf("no folder %q in %v", path, tree)
			continue
		}
		made, err := b.create(t.Context(), tree[path].Path)
		if err != nil || made.ID != tree[path].ID {
			t.Errorf("create %q: %+v, %v", path, made, err)
		}
	}
	if tree["INBOX"].Role != endpoint.Inbox || tree["[INBOX]"].Role != "" {
		t.Errorf("INBOX is %+v, the other one %+v", tree["INBOX"], tree["[INBOX]"])
	}
	for _, name := range []string{"[Calendars]", "[contacts]", "[Tasks]", "[Notes]", "[Journal]"} {
		_, err := b.create(t.Context(), []string{name, "Below"})
		wantMailCode(t, name, err, endpoint.Rejected)
	}
	if after := b.tree(t); len(after) != len(tree) {
		t.Errorf("%d folders, were %d", len(after), len(tree))
	}
}

func TestMailFolderIsCreated(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	made, err := b.create(t.Context(), []string{"Archive", "2024", "Deep"})
	noError(t, err)
	tree := b.tree(t)
	if listed := tree["Archive > 2024 > Deep"]; listed.ID != made.ID || made.ID == "" || !slices.Equal(made.Path, listed.Path) || made.Items != 0 || !made.Subscribed {
		t.Errorf("created %+v, listed %+v", made, listed)
	}
	again, err := b.create(t.Context(), []string{"Archive", "2024", "Deep"})
	if err != nil || again.ID != made.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
	inbox, err := b.create(t.Context(), []string{"inbox"})
	if err != nil || inbox.ID != b.inbox() || inbox.Path[0] != "INBOX" || inbox.Role != endpoint.Inbox {
		t.Errorf("INBOX: %+v, %v", inbox, err)
	}
	_, err = b.create(t.Context(), []string{"ARCHIVE"})
	wantMailCode(t, "a name that differs in case", err, endpoint.Rejected)
	if after := b.tree(t); len(after) != len(tree) {
		t.Errorf("%d folders, were %d", len(after), len(tree))
	}
}

func TestMailFolderIsCreatedOnceThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	const route = "POST /users/{user}/mailFolders/{folder}/childFolders"
	for _, kind := range []graphserve.FaultKind{graphserve.TimeoutAfter, graphserve.ResetAfter, graphserve.UnavailableAfter} {
		b := openMail(t, graphserve.Quirks{})
		b.server.Inject(graphserve.Fault{Route: route, Kind: kind})
		made, err := b.create(t.Context(), []string{"Archive", "Once"})
		if err != nil || made.ID != b.owner.Folder("Archive", "Once") || b.server.Count(route) != 2 {
			t.Errorf("fault %v: %+v, %v after %d requests", kind, made, err, b.server.Count(route))
		}
	}
}

func TestMailFoldersWithHostileNames(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	ids := map[string][]string{}
	for _, name := range endpointtest.HostileNames() {
		for _, path := range [][]string{{name}, {"Archive", name}} {
			made, err := b.create(t.Context(), path)
			if err != nil || !slices.Equal(made.Path, path) {
				t.Errorf("create %q: %q, %v", path, made.Path, err)
			}
			if other := ids[made.ID]; other != nil {
				t.Errorf("%q and %q are one folder", path, other)
			}
			ids[made.ID] = path
		}
	}
	list, err := b.folders(t.Context())
	noError(t, err)
	for _, f := range list {
		if path := ids[f.ID]; path != nil && !slices.Equal(f.Path, path) {
			t.Errorf("created %q, listed %q", path, f.Path)
		}
		delete(ids, f.ID)
	}
	if len(ids) > 0 {
		t.Errorf("not listed: %q", ids)
	}
}

func TestMailFolderNamesAndPathsInvertEachOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		top := rapid.Bool().Draw(t, "top")
		component := rapid.OneOf(
			rapid.StringMatching(`(\[{0,3}(INBOX|inbox|Calendars|tasks|x)\]{0,3})|(=x[0-9A-Fa-f]{2}| |a|\x00|\xff){1,6}`),
			rapid.StringN(1, 20, -1),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 12), func(b []byte) string { return string(b) }),
		).Draw(t, "component")
		name, err := folderDisplayName(component, top)
		if err != nil {
			return // one that is refused has no folder
		}
		if top && strings.EqualFold(component, inboxName) {
			return // the inbox is found by its role
		}
		if got := folderPath(name, top); got != component {
			t.Fatalf("path %q has the name %q, which has the path %q", component, name, got)
		}
	})
}

func TestMailFolderIsDropped(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	made, err := b.create(t.Context(), []string{"Work", "Deep"})
	noError(t, err)
	refs := b.deliver(t, made.ID, 1)
	tree := b.tree(t)
	noError(t, b.drop(t.Context(), tree["Work"].ID))
	wantMailCode(t, "again", b.drop(t.Context(), tree["Work"].ID), endpoint.NotFound)
	body := b.read(t.Context(), made.ID, refs[0], reading{room: newRoom(1 << 20)})
	wantMailCode(t, "read", body.Err, endpoint.NotFound)
	after := b.tree(t)
	if len(after) != len(tree)-2 {
		t.Errorf("%d folders, were %d", len(after), len(tree))
	}
	for _, name := range []string{"INBOX", "Sent Items", "Deleted Items", "Outbox"} {
		wantMailCode(t, name, b.drop(t.Context(), tree[name].ID), endpoint.Denied)
	}
	if last := b.tree(t); len(last) != len(after) {
		t.Errorf("%d folders, were %d", len(last), len(after))
	}
}

func TestMailboxWithoutArchive(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	noError(t, b.owner.Delete(b.owner.Folder("Archive")))
	tree := b.tree(t)
	if len(tree) != 8 || tree["INBOX"].Role != endpoint.Inbox {
		t.Errorf("folders %v", tree)
	}
	noError(t, b.probe(t.Context()))
}
