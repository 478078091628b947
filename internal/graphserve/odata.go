package graphserve

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultPage = 10
	maxTop      = 1000
)

// view is how a request wants its objects: ID form, fields, expansions.
type view struct {
	immutable bool
	admin     bool   // as the import and export API sees it
	zone      string // of Prefer: outlook.timezone
	selected  map[string]bool
	expand    []expansion
}

// expansion is one item of $expand: a navigation property, and the IDs that its $filter names.
type expansion struct {
	name string
	ids  []string
}

// viewOf reads $select and $expand.
func (c *call) viewOf(q url.Values) (view, error) {
	v := view{immutable: c.immutable, admin: strings.HasPrefix(c.path(), "/admin/"), zone: preference(c.r, "outlook.timezone")}
	if fields := q.Get("$select"); fields != "" {
		v.selected = map[string]bool{}
		for field := range strings.SplitSeq(fields, ",") {
			v.selected[strings.TrimSpace(field)] = true
		}
	}
	for _, item := range splitTop(q.Get("$expand"), ",") {
		name, options, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(item), ")"), "(")
		e := expansion{name: name}
		for _, option := range splitTop(options, ";") {
			if filter, found := strings.CutPrefix(strings.TrimSpace(option), "$filter="); found {
				ids, err := idsOf(filter)
				if err != nil {
					return view{}, err
				}
				e.ids = append(e.ids, ids...)
			}
		}
		v.expand = append(v.expand, e)
	}
	return v, nil
}

// idsOf reads a filter "id eq 'a' or id eq 'b'".
func idsOf(filter string) ([]string, error) {
	var ids []string
	for _, part := range splitTop(filter, " or ") {
		value, found := strings.CutPrefix(strings.TrimSpace(part), "id eq ")
		id, isString := unquote(value)
		if !found || !isString {
			return nil, badRequest("BadRequest", "Invalid $filter in $expand.")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// splitTop splits at a separator outside of parentheses and quotes.
func splitTop(s, separator string) []string {
	var parts []string
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case quoted:
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], separator):
			parts = append(parts, s[start:i])
			start = i + len(separator)
			i = start - 1
		}
	}
	if start < len(s) {
		parts = append(parts, s[start:])
	}
	return parts
}

// unquote reads a string literal of OData, with its quotes doubled inside.
func unquote(literal string) (string, bool) {
	literal = strings.TrimSpace(literal)
	if len(literal) < 2 || literal[0] != '\'' || literal[len(literal)-1] != '\'' {
		return "", false
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'"), true
}

// preference is the value of a preference of the Prefer headers, without quotes.
func preference(r *http.Request, name string) string {
	for _, header := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(header, ",") {
			key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(key, name) {
				return strings.Trim(value, `"`)
			}
		}
	}
	return ""
}

// render is a node as the client sees it. What is a navigation property shows only when expanded.
func (c *call) render(n *node, v view) (object, error) {
	if v.admin {
		return c.renderAdmin(n, v)
	}
	o := maps.Clone(n.fields)
	key := changeKey(n)
	switch n.kind {
	case kindMailFolder, kindContactFolder:
		c.renderFolder(n, o)
	case kindMessage:
		o["hasAttachments"] = slices.ContainsFunc(n.of(kindAttachment), func(a *node) bool { return a.fields["isInline"] != true })
	case kindEvent:
		renderTimes(o, v.zone)
		o["hasAttachments"] = len(n.of(kindAttachment)) > 0
	case kindAttachment:
		renderAttachment(n, o)
	case kindUser:
		key = ""
		if v.selected == nil {
			v.selected = userDefaults()
		}
	case kindExtension, kindTask, kindTaskList, kindChecklistItem, kindLinkedResource:
		key = ""
	default:
	}
	if key != "" && !n.kind.container() && n.kind != kindAttachment {
		o["changeKey"] = key
	}
	if n.parent != nil && (n.kind == kindMessage || n.kind == kindContact || n.kind == kindMailFolder || n.kind == kindContactFolder) {
		o["parentFolderId"] = n.parent.id
	}
	narrow(o, v.selected)
	o["id"] = externalID(n, v.immutable)
	if n.kind != kindExtension && n.kind != kindMailFolder && n.kind != kindUser {
		o["@odata.etag"] = `W/"` + changeKey(n) + `"`
	}
	for _, e := range v.expand {
		if err := c.expand(n, o, v, e); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// externalID is the ID that the client sees. Extensions are known by their name.
func externalID(n *node, immutable bool) string {
	if n.kind == kindExtension {
		return n.wellKnown
	}
	return form(n.id, n.immutable, immutable)
}

func changeKey(n *node) string {
	return "CQAAABYAAAD" + strconv.FormatUint(n.version, 36) + "AAA=="
}

// narrow keeps the selected fields; everything when nothing is selected.
func narrow(o object, selected map[string]bool) {
	if selected == nil {
		// Read only with $select.
		delete(o, "internetMessageHeaders")
		return
	}
	for name := range o {
		if !selected[name] && !strings.HasPrefix(name, "@odata.") {
			delete(o, name)
		}
	}
}

// expand adds a navigation property to an object.
func (c *call) expand(n *node, o object, v view, e expansion) error {
	switch e.name {
	case "singleValueExtendedProperties":
		return expandProperties(n, o, e.ids)
	case "attachments":
		return c.expandChildren(n, o, v, e, kindAttachment)
	case "extensions":
		return c.expandChildren(n, o, v, e, kindExtension)
	case "checklistItems":
		return c.expandChildren(n, o, v, e, kindChecklistItem)
	case "linkedResources":
		return c.expandChildren(n, o, v, e, kindLinkedResource)
	case "childFolders":
		return c.expandChildren(n, o, v, e, n.kind)
	case "exceptionOccurrences":
		o[e.name] = exceptionsOf(n, v)
		return nil
	}
	return badRequest("BadRequest", "Could not find a property named '"+e.name+"'.")
}

func (c *call) expandChildren(n *node, o object, v view, e expansion, k kind) error {
	list := []object{}
	for _, child := range n.of(k) {
		if len(e.ids) > 0 && !slices.ContainsFunc(e.ids, func(id string) bool { return sameExtension(id, child.wellKnown) }) {
			continue
		}
		shown, err := c.render(child, view{immutable: v.immutable})
		if err != nil {
			return err
		}
		list = append(list, shown)
	}
	if len(list) > 0 || k != kindExtension {
		o[e.name] = list
	}
	return nil
}

// expandProperties shows the extended properties that were asked for by ID, and no others.
func expandProperties(n *node, o object, ids []string) error {
	if len(ids) == 0 {
		return badRequest("ErrorInvalidProperty", "$expand of singleValueExtendedProperties needs a $filter by id.")
	}
	var list []object
	for _, id := range ids {
		canonical, err := propertyID(id)
		if err != nil {
			return err
		}
		if value, found := n.property(canonical); found {
			list = append(list, object{"id": canonical, "value": value})
		}
	}
	if len(list) > 0 {
		o["singleValueExtendedProperties"] = list
	}
	return nil
}

// A cursor is what a paging or delta link stands for. It never changes, so that a page can be asked for again; of a list, what counts is the
// position.
type cursor struct {
	path    string // canonical and escaped, without version
	query   url.Values
	rest    []entry
	skip    int // of a list: what the pages before this one had
	delta   bool
	since   uint64 // of a delta link: changes after this version
	before  uint64 // ... and the round before began here
	expired bool
	user    *user
}

// entry is one row of a list: a node, or the tombstone of one.
type entry struct {
	n    *node
	tomb *tombstone
}

func entriesOf(nodes []*node) []entry {
	list := make([]entry, len(nodes))
	for i, n := range nodes {
		list[i] = entry{n: n}
	}
	return list
}

// newCursor keeps a cursor and returns its opaque token.
func (s *Server) newCursor(c cursor) string {
	token := newID("Skip", s.next())
	s.cursors[token] = &c
	return token
}

// link is the address of a cursor, in the spelling of the service: keys in parentheses.
func (s *Server) link(path, option, token string) string {
	segments := strings.Split(path, "/")
	var b strings.Builder
	b.WriteString(s.URL())
	for i := 1; i < len(segments); i++ {
		b.WriteString("/" + segments[i])
		if keyed(segments[i]) && i+1 < len(segments) && segments[i+1] != "delta" {
			i++
			b.WriteString("('" + strings.ReplaceAll(segments[i], "'", "''") + "')")
		}
	}
	return b.String() + "?" + url.QueryEscape(option) + "=" + url.QueryEscape(token)
}

// keyed says whether a path segment names a collection that keys follow.
func keyed(segment string) bool {
	return slices.Contains([]string{"users", "mailFolders", "calendars", "contactFolders", "lists", "folders", "mailboxes", "events", "messages", "tasks"}, segment)
}

// list answers a collection: filter, order, then pages by opaque links.
func (c *call) list(nodes []*node, check ...func(url.Values) error) (response, error) {
	q := c.r.URL.Query()
	if c.user != nil {
		c.user.reveal()
	}
	if token := q.Get("$skiptoken"); token != "" {
		cur := c.s.cursors[token]
		if cur == nil {
			return response{}, badRequest("BadRequest", "The skip token is not known.")
		}
		if !countsFromTheBeginning(cur.path) {
			return c.page(cur)
		}
		return c.pageFrom(*cur, nodes)
	}
	for _, f := range check {
		if err := f(q); err != nil {
			return response{}, err
		}
	}
	return c.pageFrom(cursor{path: c.path(), query: q, user: c.user}, nodes)
}

// countsFromTheBeginning reports whether the pages of a list are found by position.
func countsFromTheBeginning(path string) bool {
	return slices.Contains([]string{"messages", "events", "contacts", "tasks"}, path[strings.LastIndexByte(path, '/')+1:])
}

// pageFrom answers the page of a list that begins after as many of its nodes as the pages before had. The list is that of now: what went
// meanwhile moves the others forward, past the client. The service is known to do so with messages,
// and documents nothing better for other items.
func (c *call) pageFrom(cur cursor, nodes []*node) (response, error) {
	nodes, err := c.filter(nodes, cur.query)
	if err != nil {
		return response{}, err
	}
	if err := order(nodes, cur.query.Get("$orderby")); err != nil {
		return response{}, err
	}
	cur.rest = entriesOf(nodes[min(cur.skip, len(nodes)):])
	return c.page(&cur)
}

// path is the canonical path of a call without its version.
func (c *call) path() string {
	return strings.TrimPrefix(c.r.URL.EscapedPath(), "/v1.0")
}

// page answers one page of a cursor.
func (c *call) page(cur *cursor) (response, error) {
	v, err := c.viewOf(cur.query)
	if err != nil {
		return response{}, err
	}
	size, err := c.pageSize(cur)
	if err != nil {
		return response{}, err
	}
	rows := []object{}
	rest := cur.rest
	for len(rest) > 0 && len(rows) < size {
		row, err := c.row(rest[0], v)
		if err != nil {
			return response{}, err
		}
		if row != nil {
			rows = append(rows, row)
		}
		rest = rest[1:]
	}
	answer := object{"@odata.context": c.s.URL() + "/$metadata#Collection", "value": rows}
	if cur.query.Get("$count") == "true" {
		answer["@odata.count"] = cur.skip + len(cur.rest)
	}
	following := *cur
	following.rest, following.skip = rest, cur.skip+len(cur.rest)-len(rest)
	switch {
	case len(rest) > 0:
		answer["@odata.nextLink"] = c.s.link(cur.path, "$skiptoken", c.s.newCursor(following))
	case cur.delta:
		answer["@odata.deltaLink"] = c.s.link(cur.path, "$deltatoken", c.s.newCursor(following))
	}
	return ok(answer)
}

// row is an entry as the client sees it, or nil for a node that went away while the client paged.
func (c *call) row(e entry, v view) (object, error) {
	if e.tomb != nil {
		return object{"id": form(e.tomb.id, e.tomb.immutable, v.immutable), "@removed": object{"reason": "deleted"}}, nil
	}
	if e.n.parent == nil {
		return nil, nil
	}
	return c.render(e.n, v)
}

// pageSize is $top, or for delta the preference odata.maxpagesize.
func (c *call) pageSize(cur *cursor) (int, error) {
	wanted := cur.query.Get("$top")
	if cur.delta {
		wanted = preference(c.r, "odata.maxpagesize")
	}
	usual, most := defaultPage, maxTop
	if cur.path == "/users" {
		usual, most = 100, 999
	}
	if wanted == "" {
		return usual, nil
	}
	size, err := strconv.Atoi(wanted)
	if err != nil || size < 1 || size > most {
		return 0, badRequest("ErrorInvalidParameter", "The page size must be from 1 to 1000.")
	}
	return size, nil
}

// order sorts by $orderby, which knows times and a few names only.
func order(nodes []*node, by string) error {
	if by == "" {
		return nil
	}
	field, direction, _ := strings.Cut(by, " ")
	if !strings.HasSuffix(field, "DateTime") && field != "displayName" && field != "userPrincipalName" {
		return badRequest("BadRequest", "Ordering by this property is not supported.")
	}
	slices.SortStableFunc(nodes, func(a, b *node) int {
		x, _ := a.fields[field].(string) // no value sorts first
		y, _ := b.fields[field].(string) // no value sorts first
		if direction == "desc" {
			x, y = y, x
		}
		return cmp.Compare(x, y)
	})
	return nil
}
