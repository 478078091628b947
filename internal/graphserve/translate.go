package graphserve

import "strings"

// maxTranslate is the number of IDs that one call translates.
const maxTranslate = 1000

// translateIDs gives the IDs of items in another form. It answers for each by itself.
func translateIDs(c *call) (response, error) {
	u, err := c.box()
	if err != nil {
		return response{}, err
	}
	body, err := c.decode()
	if err != nil {
		return response{}, err
	}
	ids, isList := parameter(body, "inputIds").([]any)
	if !isList || len(ids) > maxTranslate {
		return response{}, badRequest("ErrorInvalidArgument", "inputIds must hold at most 1000 IDs.")
	}
	from, to := text(parameter(body, "sourceIdType")), text(parameter(body, "targetIdType"))
	if !idFormat(from) || !idFormat(to) {
		return response{}, badRequest("BadRequest", "The value is no exchangeIdFormat.")
	}
	rows := []object{}
	for _, id := range ids {
		rows = append(rows, u.translate(text(id), from, to))
	}
	return ok(object{"value": rows})
}

// parameter is the parameter of an action. The case of its name does not count.
func parameter(body object, name string) any {
	for key, value := range body {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return nil
}

func idFormat(name string) bool {
	switch name {
	case "entryId", "ewsId", "immutableEntryId", "restId", "restImmutableEntryId":
		return true
	}
	return false
}

// translate is one row of the answer: the ID in the other form, or an error.
func (u *user) translate(id, from, to string) object {
	_, plain, prefixed := strings.Cut(id, ".") // no ID of ours has a dot
	if !prefixed {
		plain = id
	}
	if n := u.byID[plain]; n != nil && formatID(n, from) == id {
		return object{"sourceId": id, "targetId": formatID(n, to)}
	}
	return object{"sourceId": id, "errorDetails": object{"code": "ErrorInvalidIdMalformed", "message": "Id is malformed."}}
}

// formatID is the ID of a node in a format. Those of other protocols are as opaque here as any.
func formatID(n *node, format string) string {
	switch format {
	case "restImmutableEntryId":
		return form(n.id, n.immutable, true)
	case "immutableEntryId":
		return "entry." + form(n.id, n.immutable, true)
	case "entryId":
		return "entry." + n.id
	case "ewsId":
		return "ews." + n.id
	default:
		return n.id
	}
}
