package graphserve

import (
	"net/http"
	"strings"
)

// outlookPrefix is what the service puts before the name of an open extension of a message, event or contact to make its ID.
const outlookPrefix = "Microsoft.OutlookServices.OpenTypeExtension."

// sameExtension says whether two IDs or names mean the same extension.
func sameExtension(a, b string) bool {
	return strings.EqualFold(strings.TrimPrefix(a, outlookPrefix), strings.TrimPrefix(b, outlookPrefix))
}

// extensionRoutes registers the open extensions of items of a kind.
func extensionRoutes(handle func(string, handler), item, value string, k kind) {
	handle("GET "+item+"/extensions", lister(value, k, kindExtension))
	handle("POST "+item+"/extensions", createExtension(value, k))
	handle("GET "+item+"/extensions/{extension}", onExtension(value, k, func(c *call, _ *user, n *node) (response, error) { return c.get(n) }))
	handle("PATCH "+item+"/extensions/{extension}", onExtension(value, k, updateExtension))
	handle("DELETE "+item+"/extensions/{extension}", onExtension(value, k, func(_ *call, u *user, n *node) (response, error) {
		u.remove(n)
		return noContent()
	}))
}

func createExtension(value string, k kind) handler {
	return func(c *call) (response, error) {
		u, item, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		fields, err := c.decode()
		if err != nil {
			return response{}, err
		}
		name := text(fields["extensionName"])
		if name == "" {
			return response{}, badRequest("RequestBodyRead", "An open extension needs an extensionName.")
		}
		if findExtension(item, name) != nil {
			return response{}, &Error{Status: http.StatusConflict, Code: "ErrorExtensionAlreadyExists", Message: "An extension of that name exists."}
		}
		dropReadOnly(fields)
		fields["@odata.type"] = "#microsoft.graph.openTypeExtension"
		n := u.add(kindExtension, item, fields)
		delete(n.fields, "createdDateTime")
		if n.wellKnown = name; k != kindTask && k != kindTaskList {
			n.wellKnown = outlookPrefix + name
		}
		return c.made(n)
	}
}

func findExtension(item *node, id string) *node {
	for _, n := range item.of(kindExtension) {
		if sameExtension(n.wellKnown, id) {
			return n
		}
	}
	return nil
}

// onExtension finds the extension of a path and does something with it.
func onExtension(value string, k kind, do func(*call, *user, *node) (response, error)) handler {
	return func(c *call) (response, error) {
		u, item, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		n := findExtension(item, c.r.PathValue("extension"))
		if n == nil {
			return response{}, errItemNotFound()
		}
		return do(c, u, n)
	}
}

// updateExtension replaces all of an extension's own fields.
func updateExtension(c *call, u *user, n *node) (response, error) {
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	dropReadOnly(fields)
	fields["@odata.type"], fields["extensionName"] = n.fields["@odata.type"], n.fields["extensionName"]
	n.fields = fields
	u.touch(n)
	return c.get(n)
}
