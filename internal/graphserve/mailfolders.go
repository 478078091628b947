package graphserve

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func mailFolderRoutes(handle func(string, handler)) {
	const folders, folder = "/users/{user}/mailFolders", "/users/{user}/mailFolders/{folder}"
	handle("GET "+folders, listMailFolders)
	handle("POST "+folders, createMailFolder)
	handle("GET "+folders+"/delta", deltaOfMailFolders)
	handle("GET "+folder, getter("folder", kindMailFolder))
	handle("PATCH "+folder, renameMailFolder)
	handle("DELETE "+folder, deleteMailFolder)
	handle("POST "+folder+"/permanentDelete", deleter("folder", kindMailFolder))
	handle("POST "+folder+"/move", moveMailFolder)
	handle("GET "+folder+"/childFolders", listMailFolders)
	handle("POST "+folder+"/childFolders", createMailFolder)
}

// parentFolder is the folder in whose children a call is interested: the one in its path, or the top.
func (c *call) parentFolder() (*user, *node, error) {
	if c.r.PathValue("folder") != "" {
		return c.node("folder", kindMailFolder)
	}
	u, err := c.box()
	if err != nil {
		return nil, nil, err
	}
	return u, u.mail, nil
}

// listMailFolders lists one level, without hidden folders unless asked for.
func listMailFolders(c *call) (response, error) {
	_, parent, err := c.parentFolder()
	if err != nil {
		return response{}, err
	}
	return c.list(visible(parent.of(kindMailFolder), c.r.URL.Query()))
}

func visible(folders []*node, q url.Values) []*node {
	if q.Get("includeHiddenFolders") == "true" {
		return folders
	}
	return slices.DeleteFunc(folders, func(n *node) bool { return n.fields["isHidden"] == true })
}

func createMailFolder(c *call) (response, error) {
	u, parent, err := c.parentFolder()
	if err != nil {
		return response{}, err
	}
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	named, err := takeProperties(fields)
	if err != nil {
		return response{}, err
	}
	name, err := freeName(parent, kindMailFolder, fields["displayName"])
	if err != nil {
		return response{}, err
	}
	n := u.add(kindMailFolder, parent, object{"displayName": name, "isHidden": fields["isHidden"] == true})
	n.named = named
	return c.made(n)
}

// freeName checks that no folder below parent has the name. Names differ by more than case.
func freeName(parent *node, k kind, wanted any) (string, error) {
	name, isString := wanted.(string)
	if !isString || strings.TrimSpace(name) == "" {
		return "", badRequest("ErrorInvalidParameter", "A folder needs a name.")
	}
	for _, other := range parent.children {
		if other.kind == k && strings.EqualFold(folderName(other), name) {
			return "", &Error{Status: http.StatusConflict, Code: "ErrorFolderExists", Message: "A folder with the specified name already exists."}
		}
	}
	return name, nil
}

// folderName is the name of any container.
func folderName(n *node) string {
	for _, field := range []string{"displayName", "name"} {
		if name, isString := n.fields[field].(string); isString {
			return name
		}
	}
	return ""
}

func renameMailFolder(c *call) (response, error) {
	u, n, err := c.node("folder", kindMailFolder)
	if err != nil {
		return response{}, err
	}
	changes, err := c.decode()
	if err != nil {
		return response{}, err
	}
	if name, renames := changes["displayName"]; renames && name != n.fields["displayName"] {
		if n.wellKnown != "" {
			return response{}, &Error{Status: http.StatusForbidden, Code: "ErrorAccessDenied", Message: "Distinguished folders cannot be renamed."}
		}
		if _, err := freeName(n.parent, kindMailFolder, name); err != nil && !strings.EqualFold(folderName(n), name.(string)) {
			return response{}, err
		}
	}
	if err := u.change(n, changes); err != nil {
		return response{}, err
	}
	return c.get(n)
}

// deleteMailFolder moves a folder to Deleted Items; from there it goes for ever.
func deleteMailFolder(c *call) (response, error) {
	u, n, err := c.node("folder", kindMailFolder)
	if err != nil {
		return response{}, err
	}
	trash := u.wellKnown["deleteditems"]
	if n.wellKnown != "" || n.within(trash) {
		return deleter("folder", kindMailFolder)(c)
	}
	u.move(n, trash)
	return noContent()
}

func moveMailFolder(c *call) (response, error) {
	u, n, err := c.node("folder", kindMailFolder)
	if err != nil {
		return response{}, err
	}
	target, err := c.destination(u)
	if err != nil {
		return response{}, err
	}
	if n.wellKnown != "" || target.within(n) {
		return response{}, badRequest("ErrorMoveCopyFailed", "The folder cannot be moved there.")
	}
	u.move(n, target)
	return c.made(n)
}

// destination is the mail folder that the body of a move or copy names.
func (c *call) destination(u *user) (*node, error) {
	body, err := c.decode()
	if err != nil {
		return nil, err
	}
	id, _ := body["destinationId"].(string) // the empty ID is not found
	if id == "" {
		id, _ = body["DestinationId"].(string) // both spellings are in use
	}
	n := u.byID[id]
	if n == nil {
		n = u.wellKnown[strings.ToLower(id)]
	}
	if n == nil || n.kind != kindMailFolder {
		return nil, errItemNotFound()
	}
	return n, nil
}

// renderFolder adds the counts of a folder.
func (c *call) renderFolder(n *node, o object) {
	if n.kind == kindContactFolder {
		return
	}
	items := n.of(kindMessage)
	unread := 0
	for _, item := range items {
		if item.fields["isRead"] != true {
			unread++
		}
	}
	o["totalItemCount"] = len(items)
	o["unreadItemCount"] = unread
	o["childFolderCount"] = len(visible(n.of(kindMailFolder), url.Values{}))
}
