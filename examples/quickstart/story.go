package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// story does what the chapters say and checks what comes of it. Its methods do nothing after the
// first error.
type story struct {
	ctx      context.Context //nolint:containedctx // one for the whole program, so that chapters read as prose
	out      io.Writer
	err      error
	chapters int
	dir      string

	old, fresh *imapserve.Server

	key                 watermark.Key
	state               string
	db                  *badgerstore.Store
	source, destination *endpoint.Mailbox
	closers             []io.Closer
}

func newStory(ctx context.Context, out io.Writer) *story {
	s := &story{ctx: ctx, out: out}
	s.dir, s.err = os.MkdirTemp("", "dandyroll-quickstart-")
	s.old, s.fresh = s.startServer(), s.startServer()
	return s
}

func (s *story) startServer() *imapserve.Server {
	if s.err != nil {
		return nil
	}
	server, err := imapserve.Start(credentials())
	if s.err = err; err == nil {
		s.closers = append(s.closers, server)
	}
	return server
}

func (s *story) close() {
	for _, c := range slices.Backward(s.closers) {
		s.err = errors.Join(s.err, c.Close())
	}
	if s.db != nil {
		s.err = errors.Join(s.err, s.db.Close())
	}
	if s.dir != "" {
		s.err = errors.Join(s.err, os.RemoveAll(s.dir))
	}
}

// do is one thing that may fail.
func (s *story) do(f func() error) {
	if s.err == nil {
		s.err = f()
	}
}

func (s *story) openKey(file string) {
	s.do(func() (err error) {
		s.key, err = watermark.LoadOrCreateKey(file)
		return err
	})
}

func (s *story) openDatabase(dir string) {
	s.do(func() (err error) {
		s.state = dir
		s.db, err = badgerstore.Open(dir, &badgerstore.Options{Key: s.key})
		return err
	})
}

func (s *story) openMailbox(server *imapserve.Server) (mailbox *endpoint.Mailbox) {
	s.do(func() (err error) {
		mailbox, err = imapendpoint.Open(s.ctx, imapendpoint.Config{
			Addr:     server.Addr(),
			Security: imapendpoint.Plaintext, // the servers are in this process
			Username: credentials().Username,
			Password: credentials().Password,
		})
		if err == nil {
			s.closers = append(s.closers, mailbox)
		}
		return err
	})
	return mailbox
}

func (s *story) expect(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("chapter %d: %s", s.chapters, fmt.Sprintf(format, args...))
}

func (s *story) chapter(title string, text ...string) {
	if s.err != nil {
		return
	}
	s.chapters++
	s.printf("\n%d. %s\n", s.chapters, title)
	for _, line := range text {
		s.printf("   %s\n", line)
	}
}

func (s *story) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }
