package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dandyroll/dandyroll/internal/delayproxy"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/watermark"
)

// password is that of every account of the server, which exists on the loopback interface only.
const password = "secret"

// world is what all cases are measured in: one server with the accounts of both sides, and a place for
// what the programs remember.
type world struct {
	server   *dovecot.Server
	post     deliverer
	dir      string // in memory, where the machine has such a file system
	disk     string // on a disk
	inMemory bool
	mailmove string // the program; empty runs passes in this process
	keyFile  string
	key      watermark.Key
	size     scale
	log      io.Writer // says what is being measured
	accounts int
}

// newWorld starts the server. The caller closes the world.
func newWorld(ctx context.Context, c settings, log io.Writer) (w *world, err error) {
	w = &world{size: c.scale, log: log, mailmove: c.mailmove}
	base := c.dir
	if base == "" {
		base, w.inMemory = fastest()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.dir, err = os.MkdirTemp(base, "bench-"); err != nil {
		return w, err
	}
	if w.disk, err = os.MkdirTemp("", "bench-"); err != nil {
		return w, err
	}
	if err := os.Chmod(w.dir, 0o755); err != nil { // the server's unprivileged users pass through it
		return w, err
	}
	w.keyFile = filepath.Join(w.dir, "watermark.key")
	if w.key, err = watermark.LoadOrCreateKey(w.keyFile); err != nil {
		return w, err
	}
	w.server, err = dovecot.Launch(ctx, dovecot.Config{
		Dir: w.dir, MaxUserIPConnections: 64,
		ExtraConfig: "passdb {\n  driver = static\n  args = password=" + password + "\n}\n", // any user
	})
	if err != nil {
		return w, err
	}
	w.post, err = newDeliverer(w.server.Dir())
	return w, err
}

// fastest returns a directory in memory, or that for temporary files where there is none.
func fastest() (dir string, inMemory bool) {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		return memory, true
	}
	return os.TempDir(), false
}

func (w *world) close() error {
	var err error
	if w.server != nil {
		err = w.server.Close()
	}
	for _, dir := range []string{w.dir, w.disk} {
		if dir != "" {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

func (w *world) say(format string, args ...any) {
	_, _ = fmt.Fprintf(w.log, format+"\n", args...)
}

// source makes an account that holds a corpus.
func (w *world) source(name string, m mix) (user string, err error) {
	return name, w.post.deliver(name, m.folderNames(), m.all())
}

// fresh names an account that nobody used yet, and a directory beneath a place that does not exist yet.
func (w *world) fresh(place string) (user, state string) {
	w.accounts++
	name := fmt.Sprintf("copy%03d", w.accounts)
	return name, filepath.Join(place, "state-"+name)
}

// far starts a proxy that puts a round trip between the server and those who connect to it.
func (w *world) far(ctx context.Context, roundTrip time.Duration) (*delayproxy.Proxy, error) {
	return delayproxy.Start(ctx, delayproxy.Config{Target: w.server.Addr(), Delay: roundTrip / 2})
}
