package graphendpoint

import (
	"context"
	"iter"
	"net/url"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// otherShelf holds the folders of notes or of journal entries, which only the import and export of mailboxes shows. They are listed and
// read, so that a report counts them; they are not written, for the service has no way to set a mark on them.
type otherShelf struct {
	*transfer
	kind  endpoint.Kind
	class string // of the folders: IPF.StickyNote or IPF.Journal (MS-OXOSFLD section 2.2.3)
	role  endpoint.Role
	root  string // of the paths
}

// mailboxFolder and mailboxItem are what the import and export shows, as far as it is used.
type mailboxFolder struct {
	ID       string `json:"id"`
	Name     string `json:"displayName"`
	Type     string `json:"type"`
	Items    int    `json:"totalItemCount"`
	Children int    `json:"childFolderCount"`
}

type mailboxItem struct {
	ID       string    `json:"id"`
	Change   string    `json:"changeKey"`
	Size     int64     `json:"size"`
	Created  time.Time `json:"createdDateTime"`
	Modified time.Time `json:"lastModifiedDateTime"`
}

// probe asks for the mailbox only: nothing else is needed to list.
func (s *otherShelf) probe(ctx context.Context) error {
	_, err := s.box(ctx)
	return err
}

// folders lists the folders of the class. Those of other classes, which may have some among their children, give their names to paths, so
// that no two of these are one.
func (s *otherShelf) folders(ctx context.Context) ([]endpoint.Folder, error) {
	mailbox, err := s.box(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]mailboxFolder{}
	top, err := s.children(ctx, mailbox+"/folders", []string{s.root}, known)
	if err != nil {
		return nil, err
	}
	all, err := descend(ctx, top, func(ctx context.Context, parent endpoint.Folder) ([]endpoint.Folder, error) {
		if known[parent.ID].Children == 0 {
			return nil, nil
		}
		return s.children(ctx, mailbox+path("folders", parent.ID, "childFolders"), parent.Path, known)
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f endpoint.Folder) bool { return known[f.ID].Type != s.class })
	if len(all) > 0 {
		all[0].Role = s.role
	}
	return all, nil
}

// children lists folders of any class, and enters them among those that are known.
func (s *otherShelf) children(ctx context.Context, address string, parent []string, known map[string]mailboxFolder) ([]endpoint.Folder, error) {
	var below []endpoint.Folder
	for f, err := range rows[mailboxFolder](ctx, s.client, address+"?$top=100") {
		if err != nil {
			return nil, err
		}
		if f.ID == "" || f.Name == "" {
			return nil, endpoint.Errorf(endpoint.Damaged, "the service listed a folder without ID or name")
		}
		known[f.ID] = f
		below = append(below, endpoint.Folder{ID: f.ID, Path: append(slices.Clone(parent), f.Name), Items: f.Items})
	}
	return below, nil
}

func (s *otherShelf) items(ctx context.Context, folder string) iter.Seq2[mailboxItem, error] {
	return func(yield func(mailboxItem, error) bool) {
		mailbox, err := s.box(ctx)
		if err != nil {
			yield(mailboxItem{}, err)
			return
		}
		query := "?$select=" + url.QueryEscape("id,changeKey,size,createdDateTime,lastModifiedDateTime") + "&$top=100"
		rows[mailboxItem](ctx, s.client, mailbox+path("folders", folder, "items")+query)(yield)
	}
}

// state tells an item that changed by its changeKey.
func (s *otherShelf) state(ctx context.Context, folder, since string) (string, error) {
	return stateByDigest(since, s.items(ctx, folder), func(it mailboxItem) string { return it.ID + " " + it.Change })
}

func (s *otherShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	return mapped(s.items(ctx, folder), func(it mailboxItem) (endpoint.Item, bool) {
		return endpoint.Item{Ref: it.ID, Kind: s.kind, Identity: it.ID, Received: it.Created, Size: it.Size}, true
	})
}

func (s *otherShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return mapped(s.items(ctx, folder), func(it mailboxItem) (string, bool) { return it.ID, true })
}

func (s *otherShelf) read(ctx context.Context, _, ref string, opts reading) endpoint.Body {
	if !opts.accepts(FastTransfer) {
		return endpoint.Body{Err: endpoint.Errorf(endpoint.Unsupported, "items of kind %s are read as %s only", s.kind, FastTransfer)}
	}
	content, err := s.export(ctx, ref, opts)
	if err != nil {
		return endpoint.Body{Err: err}
	}
	return endpoint.Body{Content: content}
}

// None of these has a mark.
func (*otherShelf) marks(context.Context, string, string) iter.Seq2[endpoint.Sighting, error] {
	return none[endpoint.Sighting]()
}

func (*otherShelf) find(context.Context, string, string) iter.Seq2[string, error] {
	return none[string]()
}

func (*otherShelf) flags(context.Context, string, []string) iter.Seq2[endpoint.Flagging, error] {
	return none[endpoint.Flagging]()
}

// What would change these folders is refused before the shelf is asked, but for folders.
func (s *otherShelf) create(context.Context, []string) (endpoint.Folder, error) {
	return endpoint.Folder{}, s.refused()
}
func (s *otherShelf) drop(context.Context, string) error           { return s.refused() }
func (s *otherShelf) remove(context.Context, string, string) error { return s.refused() }
func (s *otherShelf) setFlags(context.Context, string, endpoint.FlagChange) error {
	return s.refused()
}

func (s *otherShelf) put(context.Context, string, endpoint.Put) endpoint.PutResult {
	return endpoint.PutResult{Err: s.refused()}
}

func (s *otherShelf) refused() error {
	return endpoint.Errorf(endpoint.Unsupported, "items of kind %s cannot be marked, and so are not written", s.kind)
}

var _ shelf = (*otherShelf)(nil)
