package main

import (
	"bytes"
	"fmt"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
)

// complete checks that everything is in the new mailboxes that was in the old ones, and nothing
// twice, but for what its owner removed.
func (c *company) complete() {
	c.do(func() error {
		for _, p := range c.people {
			missing := 0
			for body, n := range p.copies() {
				switch {
				case n > 1:
					return fmt.Errorf("%s has %d copies of %q", p.name, n, body)
				case n < 1:
					missing++
				}
			}
			if missing != p.removed {
				return fmt.Errorf("%s misses %d items, and removed %d", p.name, missing, p.removed)
			}
		}
		c.note("checked: nothing moved twice, nothing left behind\n")
		return nil
	})
}

// copies counts the copies in the new mailbox of each item of the old one.
func (p *person) copies() map[string]int {
	copies := map[string]int{}
	for _, m := range everything(p.old) {
		copies[string(m.Body)] = 0
	}
	for _, m := range everything(p.fresh) {
		for body := range copies {
			if isCopy(m, []byte(body)) {
				copies[body]++
			}
		}
	}
	return copies
}

// isCopy reports whether an item is another one with a mark: before the first line of a mail, and
// among the properties of an event.
func isCopy(m memendpoint.Stored, original []byte) bool {
	if len(m.Mark.Marks) == 0 {
		return false
	}
	var lines [][]byte
	for line := range bytes.Lines(m.Body) {
		if !bytes.Contains(line, []byte(m.Mark.Marks[0].String())) {
			lines = append(lines, line)
		}
	}
	return bytes.Equal(bytes.Join(lines, nil), original)
}

func everything(server *memendpoint.Server) []memendpoint.Stored {
	var list []memendpoint.Stored
	for _, path := range server.FolderPaths() {
		list = append(list, server.Messages(path...)...)
	}
	return list
}
