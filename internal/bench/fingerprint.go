package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// contents is what a mailbox holds: for each folder that is not empty, a sorted line for each message,
// with flags, date and digest.
type contents map[string][]string

// look reads all of a mailbox. The line that a program puts into headers, with the given name, is left
// out; without a name nothing is.
func look(ctx context.Context, addr, user, mark string) (contents, error) {
	c, err := dialRaw(ctx, addr, user)
	if err != nil {
		return nil, err
	}
	folders, err := c.folders()
	all := contents{}
	for _, f := range folders {
		if err != nil {
			break
		}
		err = lookAtFolder(c, f, mark, all)
	}
	return all, errors.Join(err, c.close())
}

func lookAtFolder(c *rawConn, folder, mark string, all contents) error {
	if err := c.run(fmt.Sprintf("EXAMINE %q", folder)); err != nil {
		return err
	}
	tag := c.send("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\n")
	if err := c.w.Flush(); err != nil {
		return err
	}
	var body []byte
	err := c.await(tag, func(line string) error {
		n, ok := literal(line)
		if !ok {
			return nil
		}
		body = slices.Grow(body[:0], int(n))[:n]
		if _, err := io.ReadFull(c.r, body); err != nil {
			return err
		}
		flags := strings.Fields(strings.ReplaceAll(between(line, "FLAGS (", ")"), `\Recent`, ""))
		slices.Sort(flags)
		rest, err := unmarked(body, mark)
		if err != nil {
			return err
		}
		all[folder] = append(all[folder], fmt.Sprintf("%v %s %x", flags, between(line, `INTERNALDATE "`, `"`), rest))
		return nil
	})
	slices.Sort(all[folder])
	return err
}

// unmarked returns the digest of a message without the one line that bears the mark.
func unmarked(body []byte, mark string) ([]byte, error) {
	sum := sha256.New()
	if mark == "" {
		sum.Write(body)
		return sum.Sum(nil), nil
	}
	end := bytes.Index(body, []byte("\r\n\r\n"))
	name := []byte(mark + ": ")
	at := bytes.Index(body, name)
	if end < 0 || at < 0 || at > end || at > 0 && body[at-1] != '\n' {
		return nil, fmt.Errorf("a message has no %s in its header", mark)
	}
	after := at + bytes.IndexByte(body[at:], '\n') + 1
	sum.Write(body[:at])
	sum.Write(body[after:])
	return sum.Sum(nil), nil
}

// compare says what is wrong with a copy: every message must be in its folder, once, and nothing else.
func (want contents) compare(have contents) error {
	var errs []error
	for folder, lines := range want {
		if !slices.Equal(lines, have[folder]) {
			errs = append(errs, fmt.Errorf("folder %s: %d messages at the source, %d at the destination, and they are not the same",
				folder, len(lines), len(have[folder])))
		}
	}
	for folder, lines := range have {
		if want[folder] == nil {
			errs = append(errs, fmt.Errorf("folder %s: %d messages that the source does not have", folder, len(lines)))
		}
	}
	return errors.Join(errs...)
}
