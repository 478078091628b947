package graphserve

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

const (
	// maxConcurrent is the number of requests that a mailbox serves at a time.
	maxConcurrent = 4
	requestWindow = 10 * time.Minute
	uploadWindow  = 5 * time.Minute
)

// user is a user of the directory with the mailbox, if there is one.
type user struct {
	server *Server
	node   *node // the user's directory entry
	tag    string
	absent int // requests that the directory answers 404 yet

	mailbox   bool
	notYet    int // requests that the mailbox answers 404 yet
	mailboxID string

	root        *node // of folders; its children are mail, recoverable, the calendar group, and so on
	mail        *node
	calendars   *node
	calendar    *node // the default calendar
	contacts    *node // the default contact folder
	tasks       *node // the root of task lists
	wellKnown   map[string]*node
	byID        map[string]*node
	hidden      map[*node]bool
	tombs       []tombstone
	licences    []string
	ids         uint64
	occurrences map[string]occurrence

	inFlight, maxInFlight int
	requests              window
	uploaded              window
}

// window counts what happened in a span of time.
type window struct {
	start time.Time
	count int64
}

// spend counts amount and says how long to wait when that exceeds the limit. A limit of 0 is none.
func (w *window) spend(now time.Time, span time.Duration, amount, limit int64) (wait time.Duration) {
	if limit == 0 {
		return 0
	}
	if now.Sub(w.start) >= span {
		*w = window{start: now}
	}
	if w.count+amount > limit {
		return w.start.Add(span).Sub(now)
	}
	w.count += amount
	return 0
}

// folderNames are the well-known mail folders and their display names. All but the first lie below it.
func folderNames() map[string]string {
	return map[string]string{
		"inbox": "Inbox", "drafts": "Drafts", "sentitems": "Sent Items", "deleteditems": "Deleted Items", "junkemail": "Junk Email",
		"archive": "Archive", "outbox": "Outbox", "conversationhistory": "Conversation History", "syncissues": "Sync Issues",
	}
}

// openMailbox makes the folders that every mailbox has.
func (u *user) openMailbox() {
	u.mailbox = true
	u.wellKnown = map[string]*node{}
	u.root = u.add(kindRoot, nil, nil)
	u.mail = u.special(kindMailFolder, u.root, "msgfolderroot", "Top of Information Store", false)
	u.special(kindMailFolder, u.root, "recoverableitemsdeletions", "Deletions", true)
	for _, name := range []string{"inbox", "drafts", "sentitems", "deleteditems", "junkemail", "archive", "outbox"} {
		u.special(kindMailFolder, u.mail, name, folderNames()[name], false)
	}
	for _, name := range []string{"conversationhistory", "syncissues"} {
		u.special(kindMailFolder, u.mail, name, folderNames()[name], true)
	}
	u.calendars = u.special(kindCalendarGroup, u.root, "", "My Calendars", false)
	u.calendars.fields = object{"name": "My Calendars"}
	u.calendar = u.special(kindCalendar, u.calendars, "", "Calendar", false)
	u.calendar.fields = object{"name": "Calendar", "isDefaultCalendar": true, "canEdit": true, "canShare": true, "canViewPrivateItems": true, "isRemovable": false}
	u.contacts = u.special(kindContactFolder, u.root, "contacts", "Contacts", false)
	u.tasks = u.special(kindOtherFolder, u.root, "", "Tasks", false)
	list := u.special(kindTaskList, u.tasks, "", "Tasks", false)
	list.fields["wellknownListName"], list.fields["isOwner"], list.fields["isShared"] = "defaultList", true, false
	u.special(kindOtherFolder, u.root, "notes", "Notes", false).fields["type"] = "IPF.StickyNote"
	u.special(kindOtherFolder, u.root, "journal", "Journal", false).fields["type"] = "IPF.Journal"
}

func (u *user) special(k kind, parent *node, wellKnown, name string, hidden bool) *node {
	n := u.add(k, parent, object{"displayName": name})
	if k == kindMailFolder {
		n.fields["isHidden"] = hidden
	}
	if wellKnown != "" {
		n.wellKnown = wellKnown
		u.wellKnown[wellKnown] = n
	}
	return n
}

// enter counts a request in a mailbox, or refuses it.
func (u *user) enter(s *Server, size int) error {
	u.maxInFlight = max(u.maxInFlight, u.inFlight+1)
	if u.inFlight >= maxConcurrent {
		return &Error{
			Status: http.StatusTooManyRequests, Code: "ApplicationThrottled",
			Message: "Application is over its MailboxConcurrency limit.", RetryAfter: time.Second,
		}
	}
	now := s.clock()
	wait := max(u.requests.spend(now, requestWindow, 1, int64(s.quirks.RequestBudget)), u.uploaded.spend(now, uploadWindow, int64(size), s.quirks.UploadBudget))
	if wait > 0 {
		return &Error{Status: http.StatusTooManyRequests, Code: "ApplicationThrottled", Message: "Application is over its limit.", RetryAfter: wait}
	}
	u.inFlight++
	return nil
}

// box is the mailbox of a call. It may not be there, or not yet.
func (c *call) box() (*user, error) {
	u := c.user
	if u == nil {
		return nil, &Error{Status: http.StatusNotFound, Code: "ErrorInvalidUser", Message: "The requested user is invalid."}
	}
	if !u.mailbox {
		return nil, errNoMailbox()
	}
	if u.notYet > 0 {
		u.notYet--
		return nil, errNoMailbox()
	}
	return u, nil
}

// node finds the node of a kind that a path value names, by either form of its ID.
func (c *call) node(value string, kinds ...kind) (*user, *node, error) {
	u, err := c.box()
	if err != nil {
		return nil, nil, err
	}
	id := c.r.PathValue(value)
	n := u.byID[id]
	if n == nil {
		n = u.wellKnown[strings.ToLower(id)]
	}
	for _, k := range kinds {
		if n != nil && n.kind == k {
			return u, n, nil
		}
	}
	return nil, nil, errItemNotFound()
}

// get answers a node.
func (c *call) get(n *node) (response, error) {
	o, err := c.show(n)
	if err != nil {
		return response{}, err
	}
	return ok(o)
}

// show renders a node with the options of the call.
func (c *call) show(n *node) (object, error) {
	v, err := c.viewOf(c.r.URL.Query())
	if err != nil {
		return nil, err
	}
	return c.render(n, v)
}

// made answers a node that was created.
func (c *call) made(n *node) (response, error) {
	o, err := c.render(n, view{immutable: c.immutable, zone: preference(c.r, "outlook.timezone")})
	if err != nil {
		return response{}, err
	}
	return created(o)
}

// getter is the handler that answers one node of a kind.
func getter(value string, k kind) handler {
	return func(c *call) (response, error) {
		_, n, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		return c.get(n)
	}
}

// deleter is the handler that removes one node of a kind for ever.
func deleter(value string, k kind) handler {
	return func(c *call) (response, error) {
		u, n, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		if n.wellKnown != "" && n.kind.container() {
			return response{}, &Error{Status: http.StatusForbidden, Code: "ErrorDeleteDistinguishedFolder", Message: "Distinguished folders cannot be deleted."}
		}
		u.remove(n)
		return noContent()
	}
}

// lister is the handler that lists the nodes of a kind below the node of a path value.
func lister(value string, parent, k kind) handler {
	return func(c *call) (response, error) {
		_, n, err := c.node(value, parent)
		if err != nil {
			return response{}, err
		}
		return c.list(n.of(k))
	}
}

// unchanged refuses a request made for another version of the node. The service honours If-Match for events and contacts.
func (c *call) unchanged(n *node) error {
	if want := c.r.Header.Get("If-Match"); want != "" && want != "*" && want != `W/"`+changeKey(n)+`"` {
		return &Error{Status: http.StatusPreconditionFailed, Code: "ErrorIrresolvableConflict", Message: "The change key does not match the current one."}
	}
	return nil
}

// patcher is the handler that changes the fields and properties of a node as asked.
func patcher(value string, k kind) handler {
	return func(c *call) (response, error) {
		u, n, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		if err := c.unchanged(n); err != nil {
			return response{}, err
		}
		changes, err := c.decode()
		if err != nil {
			return response{}, err
		}
		if err := u.change(n, changes); err != nil {
			return response{}, err
		}
		return c.get(n)
	}
}

// creator is the handler that makes a node below the node of a path value.
func creator(value string, parent, k kind) handler {
	return func(c *call) (response, error) {
		u, p, err := c.node(value, parent)
		if err != nil {
			return response{}, err
		}
		return c.create(u, p, k)
	}
}

// create makes a node from the body of the call.
func (c *call) create(u *user, parent *node, k kind) (response, error) {
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	named, err := takeProperties(fields)
	if err != nil {
		return response{}, err
	}
	dropReadOnly(fields)
	n := u.add(k, parent, fields)
	n.named = named
	u.hide(n)
	return c.made(n)
}

// change applies a PATCH.
func (u *user) change(n *node, changes object) error {
	named, err := takeProperties(changes)
	if err != nil {
		return err
	}
	dropReadOnly(changes)
	maps.Copy(n.fields, changes)
	maps.Copy(n.named, named)
	u.touch(n)
	return nil
}

// dropReadOnly takes away what the service decides itself and ignores in requests.
func dropReadOnly(fields object) {
	for _, name := range []string{
		"id", "changeKey", "@odata.etag", "@odata.context", "createdDateTime", "lastModifiedDateTime", "parentFolderId", "hasAttachments",
		"isDraft", "receivedDateTime", "sentDateTime", "bodyPreview", "webLink", "conversationId", "iCalUId", "extensions", "uniqueBody",
	} {
		delete(fields, name)
	}
}

// takeProperties takes singleValueExtendedProperties out of a body.
func takeProperties(fields object) (map[string]string, error) {
	named := map[string]string{}
	list, found := fields["singleValueExtendedProperties"]
	delete(fields, "singleValueExtendedProperties")
	if !found {
		return named, nil
	}
	properties, isList := list.([]any)
	if !isList {
		return nil, badRequest("RequestBodyRead", "singleValueExtendedProperties must be an array.")
	}
	for _, p := range properties {
		property, _ := p.(object)        // checked with the fields below
		id, _ := property["id"].(string) // the empty ID is refused
		value, has := property["value"].(string)
		canonical, err := propertyID(id)
		if err != nil || !has {
			return nil, badRequest("ErrorInvalidProperty", "An extended property needs an id and a value that is a string.")
		}
		named[canonical] = value
	}
	return named, nil
}
