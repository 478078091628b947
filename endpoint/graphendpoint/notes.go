package graphendpoint

import (
	"context"
	"iter"
	"net/url"
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
	ID     string `json:"id"`
	Name   string `json:"displayName"`
	Type   string `json:"type"`
	Items  int    `json:"totalItemCount"`
	Childs int    `json:"childFolderCount"`
}

type mailboxItem struct {
	ID       string    `json:"id"`
	Change   string    `json:"changeKey"`
	Size     int64     `json:"size"`
	Created  time.Time `json:"createdDateTime"`
	Modified time.Time `json:"lastModifiedDateTime"`
}

// maxFolderDepth ends a tree that has no end.
const maxFolderDepth = 64

// probe asks for the mailbox only: nothing else is needed to list.
func (s *otherShelf) probe(ctx context.Context) error {
	_, err := s.box(ctx)
	return err
}

func (s *otherShelf) folders(ctx context.Context) ([]endpoint.Folder, error) {
	mailbox, err := s.box(ctx)
	if err != nil {
		return nil, err
	}
	var all []endpoint.Folder
	err = s.walk(ctx, mailbox+"/folders", []string{s.root}, 0, &all)
	return all, err
}

// walk adds the folders of the class below one. Folders of other classes, which may have some among their children, give their names
// to paths, so that no two of these are one.
func (s *otherShelf) walk(ctx context.Context, list string, parent []string, depth int, all *[]endpoint.Folder) error {
	if depth > maxFolderDepth {
		return endpoint.Errorf(endpoint.Damaged, "folders are nested without end")
	}
	mailbox, err := s.box(ctx)
	if err != nil {
		return err
	}
	for f, err := range rows[mailboxFolder](ctx, s.client, list+"?$top=100") {
		if err != nil {
			return err
		}
		if f.ID == "" || f.Name == "" {
			return endpoint.Errorf(endpoint.Damaged, "the service listed a folder without ID or name")
		}
		below := append(append([]string{}, parent...), f.Name)
		if f.Type == s.class {
			folder := endpoint.Folder{ID: f.ID, Path: below, Items: f.Items}
			if len(*all) == 0 {
				folder.Role = s.role
			}
			*all = append(*all, folder)
		}
		if f.Childs > 0 {
			if err := s.walk(ctx, mailbox+path("folders", f.ID, "childFolders"), below, depth+1, all); err != nil {
				return err
			}
		}
	}
	return nil
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
