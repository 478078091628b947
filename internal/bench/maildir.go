package main

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// deliverer puts messages straight into the Maildirs of a server, which is much faster than asking it.
type deliverer struct {
	root     string // holds a home directory for each user
	uid, gid int
}

// newDeliverer works for the owner of the directory of homes.
func newDeliverer(root string) (deliverer, error) {
	uid, gid, err := owner(root)
	return deliverer{root, uid, gid}, err
}

// deliver puts messages into the mailbox of a user.
func (d deliverer) deliver(user string, folders []string, messages iter.Seq[message]) error {
	for _, folder := range folders {
		if err := d.makeFolder(user, folder); err != nil {
			return err
		}
	}
	for m := range messages {
		if err := d.write(user, m); err != nil {
			return err
		}
	}
	return nil
}

// path is the directory of a folder in the Maildir++ layout.
func (d deliverer) path(user, folder string) string {
	root := filepath.Join(d.root, user, "maildir")
	if folder == "INBOX" {
		return root
	}
	return filepath.Join(root, "."+strings.ReplaceAll(folder, "/", "."))
}

func (d deliverer) makeFolder(user, folder string) error {
	dir := d.path(user, folder)
	for _, sub := range []string{"", "cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
		if err := os.Chown(filepath.Join(dir, sub), d.uid, d.gid); err != nil {
			return err
		}
	}
	// Without this file a directory of the layout is not taken for one that a server made.
	if err := d.file(filepath.Join(dir, "maildirfolder"), nil); err != nil {
		return err
	}
	for _, above := range []string{filepath.Join(d.root, user), filepath.Join(d.root, user, "maildir")} {
		if err := os.Chown(above, d.uid, d.gid); err != nil {
			return err
		}
	}
	return nil
}

// write makes the file of one message. Its name has the size as it is (S) and with CRLF (W), which
// saves the server from counting; its time is the internal date.
func (d deliverer) write(user string, m message) error {
	lines := bytes.Count(m.text, []byte("\n"))
	name := fmt.Sprintf("%d.M%dP1.bench,S=%d,W=%d:2,%s", m.received.Unix(), m.number, len(m.text), len(m.text)+lines, m.flags)
	path := filepath.Join(d.path(user, m.folder), "cur", name)
	if err := d.file(path, m.text); err != nil {
		return err
	}
	return os.Chtimes(path, m.received, m.received)
}

func (d deliverer) file(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	return os.Chown(path, d.uid, d.gid)
}

// remove deletes the mailbox of a user.
func (d deliverer) remove(user string) error { return os.RemoveAll(filepath.Join(d.root, user)) }
