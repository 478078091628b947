package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dandyroll/dandyroll/watermark"
)

// scan measures how all marks of a mailbox are read, by the library and by a socket.
func (w *world) scan(ctx context.Context, s *settled) ([]row, error) {
	w.say("mark scan: %d messages", s.delivered)
	user := s.jobs[0].to
	var ours, raw times
	var received, least int64
	byLibrary := func() (err error) {
		var took time.Duration
		took, received, err = w.scanMarks(ctx, user, s.delivered)
		ours = append(ours, took)
		return err
	}
	bySocket := func() (err error) {
		var took time.Duration
		took, least, err = w.scanRaw(ctx, user, s.delivered)
		raw = append(raw, took)
		return err
	}
	for turn := range w.size.runs + w.size.extra {
		first, second := byLibrary, bySocket
		if turn%2 == 1 {
			first, second = bySocket, byLibrary
		}
		for _, scan := range []func() error{first, second} {
			if err := scan(); err != nil {
				return nil, err
			}
		}
		w.say("  library %s, raw %s", short(ours[turn]), short(raw[turn]))
	}
	each := func(bytes int64) float64 { return float64(bytes) / float64(s.delivered) }
	title := fmt.Sprintf("complete mark scan, %s messages in %d folders", count(s.delivered), s.mix.folders)
	return []row{
		{
			name: title + ": received for each", value: each(received), format: "%.1f B",
			least: atMost(100), how: fmt.Sprintf("the answer to a raw FETCH of the one field has %.1f B each", each(least)),
		},
		{
			name: title + ": of the speed of a raw FETCH", value: 100 * ratio(raw, ours), format: "%.0f %%",
			least: atLeast(70), moonshot: atLeast(90),
			how: fmt.Sprintf("the library %v, %.0f messages/s; a socket %v", ours, rate(s.delivered, ours), raw),
		},
	}, nil
}

// scanMarks reads the marks of all folders by the library.
func (w *world) scanMarks(ctx context.Context, user string, want int) (took time.Duration, received int64, err error) {
	mailbox, err := openMailbox(ctx, w.server.Addr(), user, nil, "")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, mailbox.Close()) }()
	if _, err := mailbox.Capabilities(ctx); err != nil {
		return 0, 0, err
	}
	before := mailbox.Wire().Received
	began := time.Now()
	found := 0
	for folder, err := range mailbox.Folders(ctx) {
		if err != nil {
			return 0, 0, err
		}
		for sighting, err := range mailbox.Marks(ctx, folder, "") {
			if err != nil {
				return 0, 0, err
			}
			found += len(sighting.Marks.Marks)
		}
	}
	if took = time.Since(began); found != want {
		return 0, 0, fmt.Errorf("the library found %d marks, and there are %d", found, want)
	}
	return took, mailbox.Wire().Received - before, nil
}

// scanRaw asks for the same over one socket, for all folders at once, and understands nothing.
func (w *world) scanRaw(ctx context.Context, user string, want int) (took time.Duration, received int64, err error) {
	c, err := dialRaw(ctx, w.server.Addr(), user)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	before, began := c.got, time.Now()
	folders, err := c.folders()
	if err != nil {
		return 0, 0, err
	}
	var tag string
	for _, f := range folders {
		c.send(fmt.Sprintf("EXAMINE %q\r\n", f))
		tag = c.send("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (" + watermark.Field + ")])\r\n")
	}
	if err := c.w.Flush(); err != nil {
		return 0, 0, err
	}
	found := 0
	err = c.await(tag, func(line string) error {
		n, ok := literal(line)
		if !ok {
			return nil
		}
		found++
		return c.skip(n)
	})
	if err == nil && found != want {
		err = fmt.Errorf("a socket found %d headers, and there are %d messages", found, want)
	}
	return time.Since(began), c.got - before, err
}
