package graphserve

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxExport is the number of items that one export takes.
const maxExport = 20

func transferRoutes(handle func(string, handler)) {
	handle("GET /users/{user}/settings/exchange", func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return ok(object{"primaryMailboxId": u.mailboxID})
	})
	handle("POST /users/{user}/translateExchangeIds", translateIDs)
	const mailbox, folder = "/admin/exchange/mailboxes/{mailbox}", "/admin/exchange/mailboxes/{mailbox}/folders/{folder}"
	handle("GET "+mailbox+"/folders", adminFolders)
	handle("GET "+folder, adminFolder)
	handle("GET "+folder+"/childFolders", adminFolders)
	handle("GET "+folder+"/items", adminItems)
	handle("GET "+folder+"/items/delta", adminItemsDelta)
	handle("GET "+folder+"/items/{item}", adminItem)
	handle("POST "+mailbox+"/exportItems", exportItems)
	handle("POST "+mailbox+"/createImportSession", createImportSession)
}

// anyFolder is the container of any kind that the path names, or the root of all.
func (c *call) anyFolder() (*user, *node, error) {
	if c.r.PathValue("folder") != "" {
		return c.node("folder", kindMailFolder, kindCalendar, kindContactFolder, kindTaskList, kindOtherFolder)
	}
	u, err := c.box()
	if err != nil {
		return nil, nil, err
	}
	return u, u.root, nil
}

// adminFolders lists the folders of all kinds below one.
func adminFolders(c *call) (response, error) {
	_, parent, err := c.anyFolder()
	if err != nil {
		return response{}, err
	}
	return c.list(foldersBelow(parent))
}

// foldersBelow are the folders of all kinds below n; groups of calendars are not folders, their calendars are.
func foldersBelow(n *node) []*node {
	var list []*node
	for _, child := range n.children {
		switch {
		case child.kind == kindCalendarGroup:
			list = append(list, foldersBelow(child)...)
		case child.kind.container():
			list = append(list, child)
		}
	}
	return list
}

func itemsOf(folder *node) []*node {
	var list []*node
	for _, child := range folder.children {
		if child.kind.item() {
			list = append(list, child)
		}
	}
	return list
}

func adminFolder(c *call) (response, error) {
	_, n, err := c.anyFolder()
	if err != nil {
		return response{}, err
	}
	return c.get(n)
}

func adminItems(c *call) (response, error) {
	_, folder, err := c.anyFolder()
	if err != nil {
		return response{}, err
	}
	return c.list(itemsOf(folder))
}

func adminItemsDelta(c *call) (response, error) {
	u, folder, err := c.anyFolder()
	if err != nil {
		return response{}, err
	}
	return c.delta(u, scope{
		nodes: func(url.Values) []*node { return itemsOf(folder) },
		holds: func(t tombstone) bool { return t.parent == folder && t.kind.item() },
	})
}

func adminItem(c *call) (response, error) {
	_, n, err := c.node("item", kindMessage, kindEvent, kindContact, kindTask, kindOtherItem)
	if err != nil {
		return response{}, err
	}
	return c.get(n)
}

// renderAdmin is a node as mailboxFolder or mailboxItem: what all classes have in common.
func (c *call) renderAdmin(n *node, v view) (object, error) {
	o := object{}
	if n.kind.container() {
		o["displayName"], o["type"] = folderName(n), n.class()
		o["totalItemCount"], o["childFolderCount"] = len(itemsOf(n)), len(foldersBelow(n))
		if n.parent != nil {
			o["parentFolderId"] = n.parent.id
		}
	} else {
		o["type"], o["size"], o["changeKey"], o["categories"] = n.class(), n.size(), changeKey(n), n.fields["categories"]
		o["createdDateTime"], o["lastModifiedDateTime"] = n.fields["createdDateTime"], n.fields["lastModifiedDateTime"]
	}
	narrow(o, v.selected)
	o["id"] = n.id // this part of the service knows the default form only
	for _, e := range v.expand {
		if err := c.expand(n, o, v, e); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// class is the message or container class of a node.
func (n *node) class() string {
	if class := text(n.fields["type"]); strings.HasPrefix(class, "IP") {
		return class
	}
	switch n.kind {
	case kindMailFolder:
		return "IPF.Note"
	case kindCalendar:
		return "IPF.Appointment"
	case kindContactFolder:
		return "IPF.Contact"
	case kindTaskList:
		return "IPF.Task"
	case kindEvent:
		return "IPM.Appointment"
	case kindContact:
		return "IPM.Contact"
	case kindTask:
		return "IPM.Task"
	default:
		return "IPM.Note"
	}
}

// transferred is an item inside the stream that export writes and import reads. To clients the stream is opaque.
type transferred struct {
	Kind     kind
	Fields   object
	Named    map[string]string
	Known    string
	Content  []byte
	MIME     []byte
	Children []transferred
}

func pack(n *node) transferred {
	t := transferred{Kind: n.kind, Fields: n.fields, Named: n.named, Known: n.wellKnown, Content: n.content, MIME: n.mime}
	for _, child := range n.children {
		t.Children = append(t.Children, pack(child))
	}
	return t
}

// unpack gives a node what a stream holds.
func (u *user) unpack(t transferred, n *node) {
	n.kind, n.named, n.wellKnown, n.content, n.mime = t.Kind, t.Named, t.Known, t.Content, t.MIME
	for _, child := range slices.Clone(n.children) {
		u.remove(child)
	}
	fields := maps.Clone(t.Fields)
	if fields == nil {
		fields = object{}
	}
	n.fields = fields
	for _, child := range t.Children {
		u.unpack(child, u.add(child.Kind, n, nil))
	}
	u.touch(n)
}

func exportItems(c *call) (response, error) {
	u, err := c.box()
	if err != nil {
		return response{}, err
	}
	body, err := c.decode()
	if err != nil {
		return response{}, err
	}
	ids, isList := body["itemIds"].([]any)
	if !isList {
		ids, isList = body["ItemIds"].([]any) // both spellings are in use
	}
	if !isList || len(ids) == 0 || len(ids) > maxExport {
		return response{}, badRequest("ErrorInvalidArgument", "itemIds must hold from 1 to 20 IDs.")
	}
	rows := []object{}
	for _, id := range ids {
		row, err := u.export(text(id))
		if err != nil {
			return response{}, err
		}
		rows = append(rows, row)
	}
	return ok(object{"value": rows})
}

// export is one item's row: its stream, or an error of its own.
func (u *user) export(id string) (object, error) {
	n := u.byID[id]
	if n == nil || !n.kind.item() {
		return object{"itemId": id, "error": object{"code": "ErrorItemNotFound", "message": "The specified object was not found in the store."}}, nil
	}
	stream, err := json.Marshal(pack(n))
	if err != nil {
		return nil, err
	}
	return object{"itemId": id, "changeKey": changeKey(n), "data": base64.StdEncoding.EncodeToString(stream)}, nil
}

// importSession is what an import address stands for.
type importSession struct {
	user    *user
	expires time.Time
}

func createImportSession(c *call) (response, error) {
	u, err := c.box()
	if err != nil {
		return response{}, err
	}
	session := &importSession{user: u, expires: c.s.clock().Add(sessionLife)}
	secret := fmt.Sprintf("MailboxImport-%d", c.s.next())
	c.s.imports[secret] = session
	address := c.s.http.URL + "/outlook/import/" + secret + "?authtoken=" + secret
	return created(object{"importUrl": address, "expirationDateTime": stamp(session.expires)})
}

// postImport creates or updates an item from a stream.
func postImport(c *call) (response, error) {
	secret := c.r.PathValue("secret")
	session := c.s.imports[secret]
	if session == nil || c.r.URL.Query().Get("authtoken") != secret || c.s.clock().After(session.expires) {
		return response{}, &Error{Status: http.StatusUnauthorized, Code: "ErrorInvalidImportSession", Message: "The import session has expired."}
	}
	body, err := c.decode()
	if err != nil {
		return response{}, err
	}
	u := session.user
	n, err := u.importItem(body)
	if err != nil {
		return response{}, err
	}
	return created(object{"itemId": n.id, "changeKey": changeKey(n)})
}

func (u *user) importItem(body object) (*node, error) {
	stream, err := base64.StdEncoding.DecodeString(text(body["Data"]))
	var t transferred
	if err != nil || json.Unmarshal(stream, &t) != nil || t.Fields == nil || !t.Kind.item() {
		return nil, badRequest("ErrorInvalidData", "The data is not a stream that export wrote.")
	}
	switch text(body["Mode"]) {
	case "create":
		folder := u.byID[text(body["FolderId"])]
		if folder == nil || !folder.kind.container() {
			return nil, errItemNotFound()
		}
		n := u.add(t.Kind, folder, nil)
		u.unpack(t, n)
		u.hide(n)
		return n, nil
	case "update":
		n := u.byID[text(body["ItemId"])]
		if n == nil || n.kind != t.Kind {
			return nil, errItemNotFound()
		}
		u.unpack(t, n)
		return n, nil
	}
	return nil, badRequest("ErrorInvalidArgument", "Mode must be create or update.")
}
