package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// The batches of the raw limit, which end with the first of both, and its pairs of connections.
const (
	rawBatchCount = 200
	rawBatchBytes = 4 << 20
	rawPairs      = 2
)

// rawCopy copies a mailbox as fast as sockets allow, and with no safety whatever: everything that can be
// asked is asked at once, and what the source sends goes straight into MULTIAPPEND (RFC 3502) with
// LITERAL+ (RFC 7888). Nothing is marked, remembered or waited for. It is what others are measured by.
func rawCopy(ctx context.Context, j job, pairs int) error {
	c, err := dialRaw(ctx, j.source, j.from)
	if err != nil {
		return err
	}
	folders, err := c.folders()
	if err = errors.Join(err, c.close()); err != nil {
		return err
	}
	shares := make([][]string, pairs)
	for i, f := range folders {
		shares[i%pairs] = append(shares[i%pairs], f)
	}
	errs := make([]error, pairs)
	var work sync.WaitGroup
	for i, share := range shares {
		work.Go(func() { errs[i] = rawCopyFolders(ctx, j, share) })
	}
	work.Wait()
	return errors.Join(errs...)
}

// rawCopyFolders copies some folders over a connection to each side.
func rawCopyFolders(ctx context.Context, j job, folders []string) (err error) {
	source, err := dialRaw(ctx, j.source, j.from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	destination, err := dialRaw(ctx, j.destination, j.to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, destination.close()) }()
	tags := make([]string, len(folders))
	for i, f := range folders {
		source.send(fmt.Sprintf("EXAMINE %q\r\n", f))
		tags[i] = source.send("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\n")
	}
	if err := source.w.Flush(); err != nil {
		return err
	}
	answers := make(chan error, 1)
	go func() { answers <- readAnswers(destination) }() // ends with the answer to LOGOUT, or the connection
	for i, f := range folders {
		if err := rawCopyFolder(source, destination, tags[i], f); err != nil {
			return err
		}
	}
	destination.send("LOGOUT\r\n")
	if err := destination.w.Flush(); err != nil {
		return err
	}
	return <-answers
}

// rawCopyFolder passes one folder on as it comes in.
func rawCopyFolder(source, destination *rawConn, tag, folder string) error {
	destination.send(fmt.Sprintf("CREATE %q\r\n", folder))
	destination.send(fmt.Sprintf("SELECT %q\r\n", folder))
	count, size := 0, int64(0)
	err := source.await(tag, func(line string) error {
		n, ok := literal(line)
		if !ok {
			return nil
		}
		if count == rawBatchCount || size >= rawBatchBytes {
			_, _ = destination.w.WriteString("\r\n") // the error stays until Flush
			count, size = 0, 0
		}
		if count == 0 {
			destination.send(fmt.Sprintf("APPEND %q", folder))
		}
		count++
		size += n
		flags := strings.TrimSpace(strings.ReplaceAll(between(line, "FLAGS (", ")"), `\Recent`, ""))
		_, err := fmt.Fprintf(destination.w, " (%s) \"%s\" {%d+}\r\n", flags, between(line, `INTERNALDATE "`, `"`), n)
		if err != nil {
			return err
		}
		_, err = io.CopyN(destination.w, source.r, n)
		return err
	})
	if count > 0 {
		_, _ = destination.w.WriteString("\r\n")
	}
	return errors.Join(err, destination.w.Flush())
}

// readAnswers reads until the end of the connection, which LOGOUT makes. Only folders that exist may be
// refused.
func readAnswers(c *rawConn) error {
	for {
		line, err := c.line()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(line, "* ") && !strings.Contains(rest, "exists") {
			if err := refusal(rest); err != nil {
				return err
			}
		}
	}
}
