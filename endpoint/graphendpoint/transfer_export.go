package graphendpoint

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// export reads an item as a stream of the import and export of mailboxes. That knows no immutable IDs in the documentation, so
// the other form of an ID is tried when this one is not found.
func (t *transfer) export(ctx context.Context, ref string, opts reading) (endpoint.Content, error) {
	content, err := t.exportAs(ctx, ref, opts)
	if !hasCode(err, endpoint.NotFound) {
		return content, err
	}
	other, translation := t.translate(ctx, ref, models.RESTIMMUTABLEENTRYID_EXCHANGEIDFORMAT, models.RESTID_EXCHANGEIDFORMAT)
	if hasCode(translation, endpoint.NotFound, endpoint.Rejected) || translation == nil && other == ref {
		return nil, err
	}
	if translation != nil {
		return nil, translation
	}
	return t.exportAs(ctx, other, opts)
}

// exportAs reads one item. It asks for one at a time: an answer may be of any size, and is not held in memory.
func (t *transfer) exportAs(ctx context.Context, id string, opts reading) (endpoint.Content, error) {
	mailbox, err := t.box(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string][]string{"ItemIds": {id}})
	if err != nil {
		return nil, err
	}
	resp, err := t.raw(repeatable(ctx), request{method: http.MethodPost, path: mailbox + "/exportItems", header: jsonHeader(), body: body})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := bufio.NewReaderSize(resp.Body, 32<<10)
	found, err := seekString(answer, "data", "code")
	switch {
	case err != nil:
		return nil, broken(err)
	case found == "code":
		return nil, exportError(answer)
	}
	content, err := opts.content(base64.NewDecoder(base64.StdEncoding, &textReader{r: answer}), FastTransfer)
	if err != nil {
		return nil, broken(err)
	}
	return content, nil
}

// broken is the error for an answer that ended early or is not what it should be.
func broken(err error) error {
	if _, ok := errors.AsType[*endpoint.Error](err); ok {
		return err
	}
	return endpoint.Errorf(endpoint.Unavailable, "the answer of the service cannot be read")
}

// exportError is that of one item, whose code is what comes next in the answer.
func exportError(answer *bufio.Reader) error {
	name, err := io.ReadAll(io.LimitReader(&textReader{r: answer}, maxName))
	if err != nil {
		return broken(err)
	}
	code, advice := byName(string(name))
	if code == endpoint.Unknown {
		return endpoint.Errorf(endpoint.Damaged, "the item cannot be exported:%s", shown(string(name)))
	}
	return endpoint.Errorf(code, "the item cannot be exported:%s%w", shown(string(name)), advice)
}

// maxName bounds a name of a field, and a code, in an answer that is read as a stream.
const maxName = 256

// seekString reads JSON up to the beginning of the text that is the value of the first field with one of some names, and returns that
// name. Package json would hold a text of any size in memory.
func seekString(r *bufio.Reader, names ...string) (string, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return "", noEnd(err)
		}
		if b != '"' {
			continue
		}
		text := &textReader{r: r}
		name, err := io.ReadAll(io.LimitReader(text, maxName))
		if err == nil {
			_, err = io.Copy(io.Discard, text)
		}
		if err != nil {
			return "", err
		}
		isValue, err := beginsText(r)
		if err != nil {
			return "", err
		}
		for _, wanted := range names {
			if isValue && string(name) == wanted {
				return wanted, nil
			}
		}
		if isValue { // the value of another field
			if _, err := io.Copy(io.Discard, &textReader{r: r}); err != nil {
				return "", err
			}
		}
	}
}

// beginsText reports whether a colon and the quotation mark of a text come next, and reads them if they do.
func beginsText(r *bufio.Reader) (bool, error) {
	for _, wanted := range []byte{':', '"'} {
		for {
			b, err := r.ReadByte()
			if err != nil {
				return false, noEnd(err)
			}
			if b == ' ' || b == '\t' || b == '\r' || b == '\n' {
				continue
			}
			if b != wanted {
				return false, r.UnreadByte()
			}
			break
		}
	}
	return true, nil
}

// textReader reads a JSON text up to its quotation mark. Of escapes it knows what base64 and names may have, which is \/.
type textReader struct {
	r    *bufio.Reader
	done bool
}

func (t *textReader) Read(p []byte) (int, error) {
	for n := range p {
		if t.done {
			return n, io.EOF
		}
		b, err := t.r.ReadByte()
		if err != nil {
			return n, noEnd(err)
		}
		switch b {
		case '"':
			t.done = true
			return n, io.EOF
		case '\\':
			if b, err = t.r.ReadByte(); err != nil {
				return n, noEnd(err)
			}
		case '-': // the alphabet for URLs, which OData documents (RFC 4648 section 5)
			b = '+'
		case '_':
			b = '/'
		}
		p[n] = b
	}
	return len(p), nil
}

// noEnd is the error of a stream that ends where it should not.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
