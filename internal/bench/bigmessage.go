package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dandyroll/dandyroll/watermark"
)

// bigMessage compares the memory of a pass over ordinary mail with that of one over the same mail and one
// message of 150 MB.
func (w *world) bigMessage(ctx context.Context) ([]row, error) {
	m := mix{seed: 6, messages: w.size.of(200), bytes: w.size.bytes(4_000_000), median: 6_000, folders: 3}
	size := w.size.bytes(150_000_000)
	w.say("memory: a message of %d bytes", size)
	for _, user := range []string{"without", "with"} {
		if _, err := w.source(user, m); err != nil {
			return nil, err
		}
	}
	if err := w.deliverBig(m, size); err != nil {
		return nil, err
	}
	var peaks [2]memories
	for range w.size.runs {
		for i, from := range []string{"without", "with"} {
			user, state := w.fresh(w.dir)
			u, err := w.copyForMemory(ctx, job{source: w.server.Addr(), destination: w.server.Addr(), from: from, to: user, state: state})
			if err != nil {
				return nil, err
			}
			peaks[i] = append(peaks[i], u.peak)
		}
	}
	return []row{{
		name:  fmt.Sprintf("peak memory that one message of %.0f MB adds", float64(size)/1e6),
		value: float64(peaks[1].median()-peaks[0].median()) / (1 << 20), format: "%.1f MiB", least: atMost(16),
		how: fmt.Sprintf("mailmove with it %v, without %v", peaks[1], peaks[0]),
	}}, nil
}

// deliverBig puts the message into the inbox of the account that has it.
func (w *world) deliverBig(m mix, size int64) error {
	text := fmt.Appendf(nil, "From: a@sender.example\nSubject: big\nMessage-ID: <big@sender.example>\n"+
		"Date: Sat, 03 Feb 2001 04:05:06 +0000\n\n")
	filler := newFiller(m.seed)
	for int64(len(text)) < size {
		text = append(text, filler.text...)
	}
	return w.post.write("with", message{number: m.messages, folder: "INBOX", received: time.Unix(1_400_000_000, 0), text: text[:size-1]})
}

// copyForMemory runs mailmove and checks the copy.
func (w *world) copyForMemory(ctx context.Context, j job) (usage, error) {
	u, err := w.mailmoveContender().copy(ctx, j)
	if err != nil {
		return u, err
	}
	w.say("  mailmove %s, %d MiB", short(u.took), u.peak>>20)
	want, err := look(ctx, j.source, j.from, "")
	if err != nil {
		return u, err
	}
	have, err := look(ctx, j.destination, j.to, watermark.Field)
	if err == nil {
		err = want.compare(have)
	}
	return u, errors.Join(err, w.post.remove(j.to), os.RemoveAll(j.state))
}
