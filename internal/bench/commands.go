package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/dandyroll/dandyroll/internal/delayproxy"
)

// sides are the numbers of commands to source and destination.
type sides struct{ source, destination int }

// greater is the greater one.
func (s sides) greater() int { return max(s.source, s.destination) }

func (s sides) String() string { return fmt.Sprintf("%d and %d", s.source, s.destination) }

// counting lets run go by two proxies, and counts the commands on their way, from the first connection to
// the last.
func (w *world) counting(ctx context.Context, run func(source, destination string) error) (sides, error) {
	var counters [2]counter
	var addrs [2]string
	for i := range counters {
		proxy, err := delayproxy.Start(ctx, delayproxy.Config{Target: w.server.Addr(), Watch: counters[i].watch})
		if err != nil {
			return sides{}, err
		}
		defer proxy.Close()
		addrs[i] = proxy.Addr()
	}
	err := run(addrs[0], addrs[1])
	return sides{counters[0].number(), counters[1].number()}, err
}

// countOurs counts the commands of a pass by the library, to a server without some capabilities.
func (w *world) countOurs(ctx context.Context, j job, hide ...string) (sides, error) {
	return w.counting(ctx, func(source, destination string) error {
		_, err := w.embeddedPass(ctx, j, way{hide, source, destination})
		return err
	})
}

// countMbsync counts the commands of a run of mbsync.
func (w *world) countMbsync(ctx context.Context, j job) (sides, error) {
	return w.counting(ctx, func(source, destination string) error {
		j.source, j.destination = source, destination
		_, err := runMbsync(ctx, j)
		return err
	})
}

// counter counts the commands that clients send.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// watch begins to look at a connection. A command is a line that does not lie within a literal or end one
// (RFC 9051 section 2.2.1).
func (c *counter) watch() func([]byte) {
	var line []byte
	var inLiteral int64
	goesOn := false // the line at hand is the rest of a command
	return func(sent []byte) {
		for len(sent) > 0 {
			if inLiteral > 0 {
				n := min(inLiteral, int64(len(sent)))
				sent, inLiteral = sent[n:], inLiteral-n
				continue
			}
			end := bytes.IndexByte(sent, '\n')
			if end < 0 {
				line = append(line, sent...)
				return
			}
			line = append(line, sent[:end]...)
			sent = sent[end+1:]
			if !goesOn {
				c.mu.Lock()
				c.n++
				c.mu.Unlock()
			}
			inLiteral, goesOn = literal(string(bytes.TrimRight(line, "\r")))
			line = line[:0]
		}
	}
}
