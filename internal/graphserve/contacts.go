package graphserve

import (
	"net/http"
	"net/url"
	"strings"
)

func contactRoutes(handle func(string, handler)) {
	const folders, folder = "/users/{user}/contactFolders", "/users/{user}/contactFolders/{folder}"
	for _, path := range []string{folders, folder + "/childFolders"} {
		handle("GET "+path, listContactFolders)
		handle("POST "+path, createContactFolder)
	}
	handle("GET "+folders+"/delta", func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.delta(u, scope{
			nodes: func(url.Values) []*node { return u.contacts.below(kindContactFolder) },
			holds: func(t tombstone) bool { return t.kind == kindContactFolder },
		}, checkContactDelta)
	})
	handle("GET "+folder, getContactFolder)
	handle("PATCH "+folder, patcher("folder", kindContactFolder))
	handle("DELETE "+folder, deleter("folder", kindContactFolder))
	handle("GET "+folder+"/contacts/delta", deltaOf("folder", kindContactFolder, kindContact, checkContactDelta))
	handle("GET /users/{user}/contacts/delta", func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.delta(u, scopeOf(u.contacts, kindContact), checkContactDelta)
	})
	for _, contacts := range []string{"/users/{user}/contacts", folder + "/contacts"} {
		handle("GET "+contacts, listContacts)
		handle("POST "+contacts, createContact)
		handle("GET "+contacts+"/{contact}", getter("contact", kindContact))
		handle("PATCH "+contacts+"/{contact}", updateContact)
		handle("DELETE "+contacts+"/{contact}", deleter("contact", kindContact))
		handle("GET "+contacts+"/{contact}/photo/$value", contactPhoto)
		handle("PUT "+contacts+"/{contact}/photo/$value", putContactPhoto)
		extensionRoutes(handle, contacts+"/{contact}", "contact", kindContact)
	}
}

// contactFolder is the one in the path, or the default one, which lists of folders do not show. That one has a well-known name, too.
func (c *call) contactFolder() (*user, *node, error) {
	if folder := c.r.PathValue("folder"); folder != "" && !strings.EqualFold(folder, "contacts") {
		return c.node("folder", kindContactFolder)
	}
	u, err := c.box()
	if err != nil {
		return nil, nil, err
	}
	return u, u.contacts, nil
}

func getContactFolder(c *call) (response, error) {
	_, folder, err := c.contactFolder()
	if err != nil {
		return response{}, err
	}
	return c.get(folder)
}

func listContactFolders(c *call) (response, error) {
	_, parent, err := c.contactFolder()
	if err != nil {
		return response{}, err
	}
	return c.list(parent.of(kindContactFolder))
}

func createContactFolder(c *call) (response, error) {
	u, parent, err := c.contactFolder()
	if err != nil {
		return response{}, err
	}
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	if _, err := freeName(parent, kindContactFolder, fields["displayName"]); err != nil {
		return response{}, err
	}
	return c.create(u, parent, kindContactFolder)
}

func listContacts(c *call) (response, error) {
	_, folder, err := c.contactFolder()
	if err != nil {
		return response{}, err
	}
	return c.list(folder.of(kindContact))
}

func createContact(c *call) (response, error) {
	u, folder, err := c.contactFolder()
	if err != nil {
		return response{}, err
	}
	if err := c.checkContact(); err != nil {
		return response{}, err
	}
	return c.create(u, folder, kindContact)
}

func updateContact(c *call) (response, error) {
	if err := c.checkContact(); err != nil {
		return response{}, err
	}
	return patcher("contact", kindContact)(c)
}

// checkContact refuses a fourth address: a contact has three.
func (c *call) checkContact() error {
	fields, err := c.decode()
	if err != nil {
		return err
	}
	if list, isList := fields["emailAddresses"].([]any); isList && len(list) > 3 {
		return badRequest("ErrorInvalidArgument", "A contact has at most three e-mail addresses.")
	}
	return nil
}

func checkContactDelta(q url.Values) error {
	for _, option := range []string{"$expand", "$filter", "$orderby", "$search"} {
		if q.Has(option) {
			return badRequest("ErrorInvalidUrlQuery", "Change tracking of contacts does not support '"+option+"'.")
		}
	}
	return nil
}

func contactPhoto(c *call) (response, error) {
	_, n, err := c.node("contact", kindContact)
	if err != nil {
		return response{}, err
	}
	if n.content == nil {
		return response{}, &Error{Status: http.StatusNotFound, Code: "ErrorItemNotFound", Message: "The contact has no photo."}
	}
	return response{status: http.StatusOK, header: http.Header{"Content-Type": {"image/jpeg"}}, raw: n.content}, nil
}

func putContactPhoto(c *call) (response, error) {
	u, n, err := c.node("contact", kindContact)
	if err != nil {
		return response{}, err
	}
	n.content = c.body
	u.touch(n)
	return response{status: http.StatusOK}, nil
}
