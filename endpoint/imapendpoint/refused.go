package imapendpoint

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// findRefused looks, by their marks, for the items that were refused in a batch. The server should
// have kept none of them (RFC 3502 section 6.3.11), but what it did keep must not be sent again.
// Of the others, each goes by itself and gets an answer of its own, unless the refusal concerns
// the folder or the account. That is simpler than to halve the batch until the one message is
// found, and quicker: the commands are pipelined, and cost one round trip more, not one for
// each halving.
//
// If the look fails, the items are in doubt.
func (d *driver) findRefused(ctx context.Context, f endpoint.Folder, w *putWindow) {
	if len(w.refused) == 0 {
		return
	}
	wanted := make(map[watermark.Mark]int, len(w.refused))
	for _, i := range w.refused {
		wanted[w.items[i].Mark] = i
	}
	err := d.sight(ctx, f, w, wanted)
	for _, i := range wanted {
		switch {
		case err != nil:
			w.settle(i, inDoubt("refused in a batch, and could not be looked for", err))
		case concernsAll(w.results[i].Err):
			w.settled[i] = !passes(w.results[i].Err)
		default:
			w.alone[i] = true
		}
	}
	w.refused = nil
}

// concernsAll reports whether a refusal is about the folder, the account or the server, so that no
// other message would fare better.
func concernsAll(err error) bool {
	switch endpoint.CodeOf(err) {
	case endpoint.NotFound, endpoint.Unavailable, endpoint.Unauthenticated, endpoint.OverQuota, endpoint.Throttled, endpoint.Untrusted:
		return true
	default:
		return false
	}
}

// locate finds the UIDs of the messages whose UID the server did not tell: it lacks UIDPLUS (RFC
// 4315), or said what cannot be. A message that is not found has no Ref, which is no error.
func (d *driver) locate(ctx context.Context, f endpoint.Folder, w *putWindow) {
	lost := make(map[watermark.Mark]int)
	for i, r := range w.results {
		if r.Err == nil && r.Ref == "" && w.settled[i] {
			lost[r.Mark] = i
		}
	}
	if len(lost) > 0 && w.uidNext > 0 {
		_ = d.sight(ctx, f, w, lost)
	}
}

// sight looks for marks among what came to the folder since the Put began, or in all of it if the
// server does not tell UIDNEXT. The items that it finds are there, with their UIDs, and are taken
// out of wanted.
func (d *driver) sight(ctx context.Context, f endpoint.Folder, w *putWindow, wanted map[watermark.Mark]int) error {
	f.Validity = validityText(w.validity)
	since := folderState{validity: w.validity, uidNext: w.uidNext}.text()
	for sighting, err := range d.Marks(ctx, f, since) {
		if err != nil {
			return err
		}
		for _, mark := range sighting.Marks.Marks {
			if i, ok := wanted[mark]; ok {
				w.settle(i, nil)
				w.results[i].Ref = sighting.Ref
				delete(wanted, mark)
			}
		}
	}
	return nil
}
