package imapserve

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Message is one message in a folder.
type Message struct {
	Bytes    []byte
	Flags    []string
	Received time.Time
}

// Match says whether a message is meant.
type Match func(Message) bool

// Containing matches messages with the text anywhere in them.
func Containing(text string) Match {
	return func(m Message) bool { return bytes.Contains(m.Bytes, []byte(text)) }
}

// Deliver puts a message into a folder, which exists. Folders are named by their path, joined by
// slashes, in all methods.
func (s *Server) Deliver(ctx context.Context, folder string, m Message) error {
	return s.do(ctx, "deliver", func(c *imapclient.Client) error {
		flags := make([]imap.Flag, len(m.Flags))
		for i, f := range m.Flags {
			flags[i] = imap.Flag(f)
		}
		cmd := c.Append(folder, int64(len(m.Bytes)), &imap.AppendOptions{Flags: flags, Time: m.Received})
		if _, err := cmd.Write(m.Bytes); err != nil {
			return err
		}
		if err := cmd.Close(); err != nil {
			return err
		}
		_, err := cmd.Wait()
		return err
	})
}

// Messages returns what is in a folder, oldest first.
func (s *Server) Messages(ctx context.Context, folder string) ([]Message, error) {
	var all []Message
	err := s.do(ctx, "messages", func(c *imapclient.Client) error {
		found, err := fetch(c, folder, true)
		for _, f := range found {
			all = append(all, f.Message)
		}
		return err
	})
	return all, err
}

// Delete removes the messages of a folder that match, for good, and returns how many these were.
func (s *Server) Delete(ctx context.Context, folder string, match Match) (int, error) {
	return s.act(ctx, "delete", folder, match, func(c *imapclient.Client, uids imap.UIDSet) error {
		flag := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
		if err := c.Store(uids, flag, nil).Close(); err != nil {
			return err
		}
		return c.UIDExpunge(uids).Close()
	})
}

// Move moves the messages of a folder that match to another one, and returns how many these were.
func (s *Server) Move(ctx context.Context, from, to string, match Match) (int, error) {
	return s.act(ctx, "move", from, match, func(c *imapclient.Client, uids imap.UIDSet) error {
		_, err := c.Move(uids, to).Wait()
		return err
	})
}

// CreateFolder creates a folder, and its parents where they are missing.
func (s *Server) CreateFolder(ctx context.Context, folder string) error {
	return s.do(ctx, "create folder", func(c *imapclient.Client) error {
		existing, err := folders(c)
		if err != nil {
			return err
		}
		path := strings.Split(folder, "/")
		for i := range path {
			name := strings.Join(path[:i+1], "/")
			if existing[name] {
				continue
			}
			if err := c.Create(name, nil).Wait(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Folders returns the names of all folders, in the order of the alphabet.
func (s *Server) Folders(ctx context.Context) ([]string, error) {
	var names []string
	err := s.do(ctx, "folders", func(c *imapclient.Client) error {
		data, err := c.List("", "*", nil).Collect()
		for _, d := range data {
			names = append(names, d.Mailbox)
		}
		return err
	})
	return names, err
}

// Rename renames a folder, and with it those below.
func (s *Server) Rename(ctx context.Context, from, to string) error {
	return s.do(ctx, "rename", func(c *imapclient.Client) error {
		existing, err := folders(c)
		if err != nil {
			return err
		}
		if err := c.Rename(from, to, nil).Wait(); err != nil {
			return err
		}
		// The server forgets what RFC 9051 section 6.3.6 says: inferior names move along.
		for name := range existing {
			if below, ok := strings.CutPrefix(name, from+"/"); ok {
				if err := c.Rename(name, to+"/"+below, nil).Wait(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func folders(c *imapclient.Client) (map[string]bool, error) {
	data, err := c.List("", "*", nil).Collect()
	names := make(map[string]bool, len(data))
	for _, d := range data {
		names[d.Mailbox] = true
	}
	return names, err
}

// act does something to the messages of a folder that match.
func (s *Server) act(ctx context.Context, what, folder string, match Match,
	effect func(*imapclient.Client, imap.UIDSet) error,
) (int, error) {
	n := 0
	err := s.do(ctx, what, func(c *imapclient.Client) error {
		found, err := fetch(c, folder, false)
		if err != nil {
			return err
		}
		var uids imap.UIDSet
		for _, f := range found {
			if match(f.Message) {
				uids.AddNum(f.uid)
				n++
			}
		}
		if n == 0 {
			return nil
		}
		return effect(c, uids)
	})
	return n, err
}

type numbered struct {
	Message
	uid imap.UID
}

// fetch opens a folder and returns its messages. Looking at them sets no flag.
func fetch(c *imapclient.Client, folder string, readOnly bool) ([]numbered, error) {
	selected, err := c.Select(folder, &imap.SelectOptions{ReadOnly: readOnly}).Wait()
	if err != nil || selected.NumMessages == 0 {
		return nil, err
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	fetched, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: selected.NumMessages}}, &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{whole},
	}).Collect()
	var found []numbered
	for _, f := range fetched {
		m := Message{Bytes: f.FindBodySection(whole), Received: f.InternalDate}
		for _, flag := range f.Flags {
			m.Flags = append(m.Flags, string(flag))
		}
		found = append(found, numbered{m, f.UID})
	}
	return found, err
}

// do runs f on a connection of its own, which ends with ctx at the latest.
func (s *Server) do(ctx context.Context, what string, f func(*imapclient.Client) error) error {
	c, err := s.dial(ctx)
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer stop()
		if err = c.Login(s.cfg.Username, s.cfg.Password).Wait(); err == nil {
			err = f(c)
		}
		_ = c.Close() // what f did has been answered by now
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("imapserve: %s: %w", what, err)
	}
	return nil
}

// dial connects to the server in the way that it expects.
func (s *Server) dial(ctx context.Context) (*imapclient.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return nil, err
	}
	if s.cfg.TLS != nil {
		// The certificate is the caller's affair: this connection never leaves the process.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return imapclient.New(conn, nil), nil
}
