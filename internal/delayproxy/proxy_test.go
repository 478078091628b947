package delayproxy_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/delayproxy"
)

// serve starts a server that does what handle says with its one connection.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		handle(conn)
	}()
	return l.Addr().String()
}

// through connects to a server by way of a proxy.
func through(t *testing.T, c delayproxy.Config) net.Conn {
	t.Helper()
	p, err := delayproxy.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

func TestRoundTripTakesTwiceTheDelay(t *testing.T) {
	t.Parallel()
	const delay = 30 * time.Millisecond
	began := time.Now() // before the dialing: the proxy counts from the connection, which may be known here later than there
	conn := through(t, delayproxy.Config{Target: serve(t, echo), Delay: delay})
	exchange(t, conn, []byte("first"))
	if took := time.Since(began); took < 5*delay {
		t.Errorf("connecting and a round trip took %v, want at least %v", took, 5*delay)
	}
	began = time.Now()
	exchange(t, conn, []byte("second"))
	if took := time.Since(began); took < 2*delay {
		t.Errorf("a round trip took %v, want at least %v", took, 2*delay)
	}
}

func exchange(t *testing.T, conn net.Conn, text []byte) {
	t.Helper()
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len(text))
	if _, err := io.ReadFull(conn, answer); err != nil || !bytes.Equal(answer, text) {
		t.Fatalf("answer %q, %v", answer, err)
	}
}

// TestDelayDoesNotSerialise sends many times what a proxy that waits for each piece could carry.
func TestDelayDoesNotSerialise(t *testing.T) {
	t.Parallel()
	const delay, size = 50 * time.Millisecond, 32 << 20
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(data) // never fails
	conn := through(t, delayproxy.Config{Target: serve(t, echo), Delay: delay})
	began := time.Now()
	var sending sync.WaitGroup
	sending.Go(func() {
		_, _ = conn.Write(data) // what is missing is missed below
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	sum := sha256.New()
	n, err := io.Copy(sum, conn)
	sending.Wait()
	if want := sha256.Sum256(data); err != nil || n != size || !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Fatalf("%d of %d bytes came back as they were, %v", n, size, err)
	}
	// One piece a delay would be 512 delays for each direction, or 50 seconds.
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestEndIsPassedOn(t *testing.T) {
	t.Parallel()
	heard := make(chan []byte, 1)
	conn := through(t, delayproxy.Config{Delay: time.Millisecond, Target: serve(t, func(c net.Conn) {
		all, _ := io.ReadAll(c) // to the end that the client makes
		heard <- all
		_, _ = c.Write([]byte("goodbye"))
	})})
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if all := <-heard; string(all) != "hello" || string(answer) != "goodbye" || err != nil {
		t.Errorf("the server heard %q, the client %q, %v", all, answer, err)
	}
}

func TestWatchSeesWhatClientsSend(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []byte
	conn := through(t, delayproxy.Config{Target: serve(t, echo), Watch: func() func([]byte) {
		return func(sent []byte) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, sent...)
		}
	}})
	exchange(t, conn, []byte("a1 NOOP\r\n"))
	mu.Lock()
	defer mu.Unlock()
	if string(seen) != "a1 NOOP\r\n" {
		t.Errorf("seen %q", seen)
	}
}

// TestCloseEndsConnections proves that no goroutine of a proxy outlives it: Close waits for them.
func TestCloseEndsConnections(t *testing.T) {
	t.Parallel()
	p, err := delayproxy.Start(t.Context(), delayproxy.Config{Target: serve(t, echo), Delay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	p.Close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a closed proxy", n)
	}
}
