package imapendpoint

import (
	"context"
	"iter"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Find yields the messages that have a Message-ID field with the given identifier (RFC 5322 section
// 3.6.4), which is compared byte for byte, but for blanks, folding and angle brackets. An empty
// identifier finds nothing.
//
// It fetches that field of every message: SEARCH HEADER looks for a part of it without regard to
// case, is not to be had on some servers, and wrong on others.
func (d *driver) Find(ctx context.Context, f endpoint.Folder, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		wanted := bareID(id)
		if wanted == "" {
			return
		}
		for o, err := range d.sweepFind(f, wanted).since(ctx, "") {
			if o.damaged {
				err = errHeader(o.uid)
			}
			if err == nil && (o.gone || !o.value) {
				continue
			}
			if !yield(refOf(o.uid), err) || err != nil {
				return
			}
		}
	}
}

func (d *driver) sweepFind(f endpoint.Folder, wanted string) sweep[bool] {
	return sweepHeaders(d, f, fieldItems("Message-ID"), func(_ *fetched, header []byte) bool {
		for name, value := range headerFields(header) {
			if equalFold(name, "Message-ID") && bareID(string(value)) == wanted {
				return true
			}
		}
		return false
	})
}

// bareID returns a message identifier without angle brackets, blanks and folding.
func bareID(id string) string {
	id = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(id)
	return strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
}
