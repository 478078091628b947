package imapraw

import (
	"slices"
	"strconv"
	"strings"
)

// Folder is one answer to LIST (RFC 9051 section 7.3.1).
type Folder struct {
	Name       string // in Unicode
	Delimiter  string // "NIL" where the server has no hierarchy
	Attributes []string
}

// Folders returns all folders, sorted by name.
func (c *Client) Folders() []Folder {
	c.t.Helper()
	return c.list("LIST")
}

// Subscribed returns the names of the folders that the user subscribed to, sorted. It uses LSUB
// (RFC 3501 section 6.3.9).
func (c *Client) Subscribed() []string {
	c.t.Helper()
	var names []string
	for _, f := range c.list("LSUB") {
		names = append(names, f.Name)
	}
	return names
}

func (c *Client) list(command string) []Folder {
	c.t.Helper()
	var folders []Folder
	for _, r := range c.Cmd(`%s "" "*"`, command) {
		if r.Name() != command || len(r.Values) != 4 {
			continue
		}
		name, err := decodeName(r.Values[3].Text)
		if err != nil {
			c.t.Fatalf("imapraw: folder %q: %v", r.Values[3].Text, err)
		}
		f := Folder{Name: name, Delimiter: r.Values[2].Text}
		for _, a := range r.Values[1].List {
			f.Attributes = append(f.Attributes, a.Text)
		}
		folders = append(folders, f)
	}
	slices.SortFunc(folders, func(a, b Folder) int { return strings.Compare(a.Name, b.Name) })
	return folders
}

// Create makes a folder.
func (c *Client) Create(folder string) {
	c.t.Helper()
	c.Cmd("CREATE %s", QuoteFolder(folder))
}

// Delete removes a folder and its messages.
func (c *Client) Delete(folder string) {
	c.t.Helper()
	c.Cmd("DELETE %s", QuoteFolder(folder))
}

// Rename renames a folder.
func (c *Client) Rename(from, to string) {
	c.t.Helper()
	c.Cmd("RENAME %s %s", QuoteFolder(from), QuoteFolder(to))
}

// Subscribe subscribes to a folder.
func (c *Client) Subscribe(folder string) {
	c.t.Helper()
	c.Cmd("SUBSCRIBE %s", QuoteFolder(folder))
}

// Unsubscribe ends a subscription.
func (c *Client) Unsubscribe(folder string) {
	c.t.Helper()
	c.Cmd("UNSUBSCRIBE %s", QuoteFolder(folder))
}

// UIDValidity returns the validity of the folder's UIDs (RFC 9051 section 2.3.1.1).
func (c *Client) UIDValidity(folder string) uint32 {
	c.t.Helper()
	for _, r := range c.Cmd("STATUS %s (UIDVALIDITY)", QuoteFolder(folder)) {
		if r.Name() != "STATUS" || len(r.Values) != 3 || len(r.Values[2].List) != 2 {
			continue
		}
		return c.number(r.Values[2].List[1].Text)
	}
	c.t.Fatalf("imapraw: no UIDVALIDITY in the answer to STATUS")
	return 0
}

func (c *Client) number(text string) uint32 {
	c.t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		c.t.Fatalf("imapraw: %v", err)
	}
	return uint32(n)
}
