package main

import (
	"context"
	"fmt"
	"time"
)

// fullCase is a first pass over a whole mailbox.
type fullCase struct {
	title           string
	account         string
	mix             mix
	roundTrip       time.Duration
	least, moonshot float64 // times faster than mbsync
}

// The corpora of full passes.

func (s scale) mixed() mix {
	return mix{seed: 1, messages: s.of(2000), bytes: s.bytes(135_000_000), median: 12_000, folders: s.folders(17)}
}

func (s scale) small() mix {
	return mix{seed: 2, messages: s.of(20_000), bytes: s.bytes(130_000_000), median: 3_000, folders: s.folders(17)}
}

func (s scale) distant() mix {
	return mix{seed: 3, messages: s.of(500), bytes: s.bytes(500 * 67_500), median: 12_000, folders: s.folders(8)}
}

func (s scale) mixedCase() fullCase {
	return fullCase{title: "full", account: "mixed", mix: s.mixed(), least: 1.5, moonshot: 2.5}
}

func (s scale) smallCase() fullCase {
	return fullCase{title: "full, small messages", account: "small", mix: s.small(), least: 4, moonshot: 8}
}

func (s scale) distantCase() fullCase {
	return fullCase{
		title: "full, round trip of 20 ms on both sides", account: "distant", mix: s.distant(),
		roundTrip: 20 * time.Millisecond, least: 5, moonshot: 10,
	}
}

// full lets mailmove, mbsync and raw sockets copy one corpus in turns.
func (w *world) full(ctx context.Context, c fullCase) ([]row, error) {
	w.say("%s: %d messages", c.title, c.mix.messages)
	user, err := w.source(c.account, c.mix)
	if err != nil {
		return nil, err
	}
	want, err := look(ctx, w.server.Addr(), user, "")
	if err != nil {
		return nil, err
	}
	proxy, err := w.far(ctx, c.roundTrip)
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	r := race{addr: w.server.Addr(), from: user, want: want, runs: w.size.runs}
	if c.roundTrip > 0 {
		r.addr = proxy.Addr()
	}
	results, err := w.copies(ctx, r, w.mailmoveContender(), mbsyncContender(), rawContender())
	if err != nil {
		return nil, err
	}
	ours, theirs, raw := results[0], results[1], results[2]
	title := fmt.Sprintf("%s: %s messages, %.0f MB, %d folders", c.title, count(c.mix.messages), float64(c.mix.bytes)/1e6, c.mix.folders)
	return []row{
		{
			name: title + "; times as fast as mbsync", value: ratio(theirs.took, ours.took), format: "%.2f ×",
			least: atLeast(c.least), moonshot: atLeast(c.moonshot),
			how: fmt.Sprintf("mailmove %.0f messages/s, %v<br>mbsync %.0f messages/s, %v",
				rate(c.mix.messages, ours.took), ours, rate(c.mix.messages, theirs.took), theirs),
		},
		{
			name: "the same; of the raw limit", value: 100 * ratio(raw.took, ours.took), format: "%.0f %%",
			least: atLeast(50), moonshot: atLeast(80),
			how: fmt.Sprintf("raw sockets %.0f messages/s, %v", rate(c.mix.messages, raw.took), raw),
		},
	}, nil
}

// ratio is how many times longer the one takes than the other, by medians.
func ratio(longer, shorter times) float64 {
	return longer.median().Seconds() / shorter.median().Seconds()
}

func rate(messages int, t times) float64 { return float64(messages) / t.median().Seconds() }

// count writes a number with separators.
func count(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", count(n/1000), n%1000)
}
