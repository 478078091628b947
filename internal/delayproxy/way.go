package delayproxy

import (
	"context"
	"net"
	"time"
)

// The bounds of what is on its way in one direction: chunks of at most chunkSize bytes, and so many
// of them that a gigabyte a second is not slowed by a round trip of 100 ms.
const (
	chunkSize = 64 << 10
	inFlight  = 1024
)

// way is one direction of a connection.
type way struct {
	from, to net.Conn
	delay    time.Duration
	watch    func([]byte)
}

// chunk is bytes on their way.
type chunk struct {
	data []byte
	due  time.Time
}

// run carries bytes until the sender ends or the receiver is gone. A sender that ends is passed on as
// late as its bytes.
func (w way) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan chunk, inFlight)
	spare := make(chan []byte, inFlight) // buffers to be used again
	go func() {                          // ends with the sender, whose connection is closed with the receiver's
		defer close(queue)
		w.receive(ctx, queue, spare)
	}()
	if !w.deliver(ctx, queue, spare) {
		_ = w.from.Close()
	}
	for range queue { // until receive is gone
	}
}

// receive notes when each chunk arrived.
func (w way) receive(ctx context.Context, queue chan<- chunk, spare <-chan []byte) {
	for {
		var buffer []byte
		select {
		case buffer = <-spare:
		default:
			buffer = make([]byte, chunkSize)
		}
		n, err := w.from.Read(buffer)
		if n > 0 {
			w.watch(buffer[:n])
			select {
			case queue <- chunk{buffer[:n], time.Now().Add(w.delay)}:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// deliver writes each chunk when it is due, and reports whether all arrived.
func (w way) deliver(ctx context.Context, queue <-chan chunk, spare chan<- []byte) bool {
	for c := range queue {
		if !sleep(ctx, time.Until(c.due)) {
			return false
		}
		if _, err := w.to.Write(c.data); err != nil {
			return false
		}
		select {
		case spare <- c.data[:cap(c.data)]:
		default:
		}
	}
	if !sleep(ctx, w.delay) {
		return false
	}
	return closeWrite(w.to) == nil
}
