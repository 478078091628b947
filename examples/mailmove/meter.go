package main

import (
	"fmt"
	"sync"
	"time"
)

// meter measures how far something is, and how fast. It is safe for concurrent use.
type meter struct {
	mu          sync.Mutex
	done, whole amount
	// Speed is measured from here on.
	since   time.Time
	skipped amount
}

// amount is a number of items and their bytes, which are an estimate where they are still to come.
type amount struct{ items, bytes int64 }

// start makes the speed count from now on.
func (m *meter) start(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since, m.skipped = now, m.done
}

func (m *meter) add(work amount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done.items += work.items
	m.done.bytes += work.bytes
}

// text says how far it is: items, bytes, and, as soon as these can be told, rate and time left.
func (m *meter) text(now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := fmt.Sprintf("%d/%d  %s", m.done.items, m.whole.items, bytesText(m.done.bytes))
	speed := amount{m.done.items - m.skipped.items, m.done.bytes - m.skipped.bytes}
	took := now.Sub(m.since)
	if speed.items == 0 || took <= 0 {
		return text
	}
	rate := int64(float64(speed.bytes) / took.Seconds())
	return fmt.Sprintf("%s  %s/s  %v left", text, bytesText(rate), m.left(speed, took).Round(time.Second))
}

// left estimates how long the rest takes: by bytes, as long as their estimate holds.
func (m *meter) left(speed amount, took time.Duration) time.Duration {
	rest, per := m.whole.bytes-m.done.bytes, speed.bytes
	if rest <= 0 || per <= 0 {
		rest, per = m.whole.items-m.done.items, speed.items
	}
	return time.Duration(float64(took) * float64(max(rest, 0)) / float64(per))
}
