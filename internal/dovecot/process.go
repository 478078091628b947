package dovecot

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is the master process of one server, and those that it started.
type process struct {
	cmd    *exec.Cmd
	output *bytes.Buffer // what it prints before it opens its log; read it only once exited is closed
	exited chan struct{} // closed once all of them are gone
}

func startProcess(ctx context.Context, configFile string) (*process, error) {
	program, err := findProgram("dovecot")
	if err != nil {
		return nil, err
	}
	p := &process{
		cmd:    exec.CommandContext(ctx, program, "-F", "-c", configFile),
		output: new(bytes.Buffer),
		exited: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.Env = append(os.Environ(), "TZ=UTC") // it writes dates in its own zone
	p.cmd.SysProcAttr = ownGroup()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process
		_ = p.cmd.Wait() // how it ended is of no interest, only that it did
		close(p.exited)
	}()
	return p, nil
}

// waitGreeting returns once the server at addr greets.
func (p *process) waitGreeting(addr string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		err := greets(addr, deadline)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no greeting within %v: %w", limit, err)
		}
		select {
		case <-p.exited:
			return fmt.Errorf("the server ended before it greeted: %s", p.output)
		case <-time.After(5 * time.Millisecond): // until the next look
		}
	}
}

// greets reports why the server at addr does not greet.
func greets(addr string, deadline time.Time) error {
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "* OK ") {
		err = fmt.Errorf("unexpected greeting %q", line)
	}
	return err
}

// end signals the process and all that it started, and waits until they are gone.
//
// They share the standard output that Cmd.Wait reads to its end, so that none of them outlives
// exited. Dovecot left to itself keeps serving idle connections for ten seconds.
func (p *process) end(with syscall.Signal, limit time.Duration) error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	err := signalGroup(p.cmd.Process, with)
	if err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(limit):
	}
	err = signalGroup(p.cmd.Process, syscall.SIGKILL)
	<-p.exited
	return errors.Join(fmt.Errorf("the server did not end within %v and was killed", limit), err)
}
