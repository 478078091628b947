package main

import (
	"bytes"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/watermark"
)

// all returns the messages of all folders of a server.
func (s *story) all(server *imapserve.Server) (list []imapserve.Message) {
	s.do(func() error {
		folders, err := server.Folders(s.ctx)
		for _, f := range folders {
			messages, ferr := server.Messages(s.ctx, f)
			list, err = append(list, messages...), errors.Join(err, ferr)
		}
		return err
	})
	return list
}

// aRealMark copies the mark of the first message at the destination.
func (s *story) aRealMark() (mark watermark.Mark) {
	messages := s.all(s.fresh)
	s.do(func() error {
		mark = watermark.Read(messages[0].Bytes).Marks[0]
		return nil
	})
	return mark
}

func (s *story) copiesAtDestination(text string, want int) {
	messages := s.all(s.fresh)
	s.do(func() error {
		got := 0
		for _, m := range messages {
			if bytes.Contains(m.Bytes, []byte(text)) {
				got++
			}
		}
		s.printf("   %q is at the new server: %d\n", text, got)
		return s.expect(got == want, "%d messages say %q, not %d", got, text, want)
	})
}

// arrived counts what is in a mailbox in memory.
func (s *story) arrived(server *memendpoint.Server, want int) {
	s.do(func() error {
		got := 0
		for _, path := range server.FolderPaths() {
			got += len(server.Messages(path...))
		}
		s.printf("   %d messages are in the new mailbox\n", got)
		return s.expect(got == want, "%d messages, not %d", got, want)
	})
}

// everyMessageArrivedUnchanged takes the first line, our mark, from every message at the
// destination and looks for the rest among the messages at the source.
func (s *story) everyMessageArrivedUnchanged() {
	sent, arrived := s.all(s.old), s.all(s.fresh)
	s.do(func() error {
		open := map[string]int{}
		for _, m := range sent {
			open[string(m.Bytes)]++
		}
		for _, m := range arrived {
			_, original, _ := bytes.Cut(m.Bytes, []byte("\r\n"))
			open[string(original)]--
		}
		for message, n := range open {
			if n != 0 {
				return fmt.Errorf("chapter %d: %d more at the old server than at the new one of %q", s.chapters, n, message)
			}
		}
		s.printf("   %d messages, each the bytes of its original behind one line of ours\n", len(arrived))
		return nil
	})
}

// printTable says what became of the items, and why.
func (s *story) printTable(r *pass.Report) {
	c := r.Totals
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, row := range []struct {
		n         int
		what, why string
	}{
		{c.Voided, "marks void", "they were made for other types of endpoint"},
		{c.Migrated, "migrated", "there is neither a record nor a mark that counts"},
		{c.Already - c.Healed, "already there", "there is a record, and the mark too"},
		{c.Healed, "already there", "there is a mark, from which the lost record is made anew"},
		{c.RemovedAtDestination, "removed", "there is a record, but no mark: the user removed it"},
		{c.Failed, "failed", "see the report"},
	} {
		if row.n > 0 {
			_, _ = fmt.Fprintf(w, "   | %d\t%s\t%s\n", row.n, row.what, row.why)
		}
	}
	_ = w.Flush() // what it writes to is checked by nobody
	s.printf("   %s pass: %d commands to both servers, %d bytes to the new one\n", r.Kind,
		r.Wire.Source.Commands+r.Wire.Destination.Commands, r.Wire.Destination.Sent)
}
