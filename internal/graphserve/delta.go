package graphserve

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// deltaOfMailFolders tracks the whole tree, flat.
func deltaOfMailFolders(c *call) (response, error) {
	u, err := c.box()
	if err != nil {
		return response{}, err
	}
	return c.delta(u, scope{
		nodes: func(q url.Values) []*node { return visible(u.mail.below(kindMailFolder), q) },
		holds: func(t tombstone) bool { return t.kind == kindMailFolder },
	})
}

// deltaOf is the handler of the items of a kind in the folder that a path value names.
func deltaOf(value string, parent, k kind, check func(url.Values) error) handler {
	return func(c *call) (response, error) {
		u, folder, err := c.node(value, parent)
		if err != nil {
			if c.r.URL.Query().Has("$deltatoken") && c.user != nil && c.user.mailbox {
				return response{}, &Error{Status: http.StatusNotFound, Code: "ErrorSyncFolderNotFound", Message: "The folder to synchronize is not there."}
			}
			return response{}, err
		}
		return c.delta(u, scopeOf(folder, k), check)
	}
}

// A scope is what a delta tracks: the nodes that are there, and which tombstones belong to it.
type scope struct {
	nodes func(url.Values) []*node // by the options of the first request
	holds func(tombstone) bool
}

func scopeOf(folder *node, k kind) scope {
	return scope{
		nodes: func(url.Values) []*node { return folder.of(k) },
		holds: func(t tombstone) bool { return t.parent == folder && t.kind == k },
	}
}

// delta answers a page of a delta round: the first of a first round, of a later round, or a page in between.
func (c *call) delta(u *user, tracked scope, check ...func(url.Values) error) (response, error) {
	q := c.r.URL.Query()
	defer u.reveal()
	if token := q.Get("$skiptoken"); token != "" {
		cur, err := c.deltaCursor(u, token)
		if err != nil {
			return response{}, err
		}
		return c.page(cur)
	}
	if token := q.Get("$deltatoken"); token != "" {
		cur, err := c.deltaCursor(u, token)
		if err != nil {
			return response{}, err
		}
		return c.page(c.round(u, tracked, *cur))
	}
	for _, f := range check {
		if err := f(q); err != nil {
			return response{}, err
		}
	}
	first, err := c.firstRound(u, tracked, q)
	if err != nil {
		return response{}, err
	}
	return c.page(first)
}

// deltaCursor finds the cursor of a link, or says that the round must begin anew.
func (c *call) deltaCursor(u *user, token string) (*cursor, error) {
	cur := c.s.cursors[token]
	if cur == nil {
		return nil, badRequest("syncStateNotFound", "The sync state generation is not found.")
	}
	if cur.expired || cur.user != u || cur.path != c.path() {
		return nil, &Error{
			Status: http.StatusGone, Code: "syncStateNotFound", Message: "The sync state generation is not found; resynchronization is required.",
			Location: c.s.link(cur.path, "$deltatoken", ""),
		}
	}
	return cur, nil
}

// firstRound lists everything there is.
func (c *call) firstRound(u *user, tracked scope, q url.Values) (*cursor, error) {
	version := c.s.next()
	nodes, err := c.filter(tracked.nodes(q), q)
	if err != nil {
		return nil, err
	}
	if top := q.Get("$top"); top != "" {
		// In a delta, $top limits the items of the round, not of its pages.
		limit, err := strconv.Atoi(top)
		if err != nil || limit < 1 {
			return nil, badRequest("ErrorInvalidParameter", "Invalid $top.")
		}
		nodes = nodes[:min(limit, len(nodes))]
	}
	q.Del("$deltatoken")
	if c.s.quirks.DropDeltaExpand {
		q.Del("$expand")
	}
	return &cursor{path: c.path(), query: q, rest: c.replayed(entriesOf(nodes)), delta: true, since: version, user: u}, nil
}

// round lists what changed since the last round.
func (c *call) round(u *user, tracked scope, last cursor) *cursor {
	since := last.since
	if c.s.quirks.ReplayDelta && last.before > 0 {
		since = last.before
	}
	version := c.s.next()
	var entries []entry
	present := tracked.nodes(last.query)
	for i := range u.tombs {
		t := u.tombs[i]
		back := slices.ContainsFunc(present, func(n *node) bool {
			return form(n.id, n.immutable, c.immutable) == form(t.id, t.immutable, c.immutable)
		})
		if t.version > since && tracked.holds(t) && !back {
			entries = append(entries, entry{tomb: &t})
		}
	}
	for _, n := range present {
		if n.version > since && kindOfChange(last.query.Get("changeType"), n, since) {
			entries = append(entries, entry{n: n})
		}
	}
	last.rest, last.before, last.since = c.replayed(entries), last.since, version
	return &last
}

// kindOfChange says whether a changed node belongs in a round restricted by changeType.
func kindOfChange(changeType string, n *node, since uint64) bool {
	switch changeType {
	case "created":
		return n.created > since
	case "updated":
		return n.created <= since
	case "deleted":
		return false
	default:
		return true
	}
}

// replayed repeats the first entry at the end, where the quirk asks for it.
func (c *call) replayed(entries []entry) []entry {
	if c.s.quirks.ReplayDelta && len(entries) > 0 {
		entries = append(entries, entries[0])
	}
	return entries
}
