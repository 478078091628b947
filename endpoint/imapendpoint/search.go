package imapendpoint

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// maxCommand is how long a command line may be. RFC 2683 section 3.2.1.5 promises that servers
	// take 8,000 bytes.
	maxCommand = 8000
	// maxSet leaves room on it for everything but the set of UIDs.
	maxSet = maxCommand - 500
	// searchSlack is how many messages may come between EXAMINE and SEARCH.
	searchSlack = 1 << 16
)

// uidsSince returns the UIDs of the items that were not in the folder when it had the state
// since, or all, in ascending order. It fails with Stale if since is of another validity.
func (d *driver) uidsSince(ctx context.Context, f endpoint.Folder, since string) ([]uint32, error) {
	var uids []uint32
	var search *searching
	err := d.examine(ctx, f, func(s *session) { search = s.sendSearchSince(since) },
		func(_ *session, sel *selected) (err error) {
			uids, err = search.uidsSince(sel)
			return err
		})
	return uids, err
}

// searching is a search that is on its way (UID SEARCH, RFC 9051 section 6.4.4).
type searching struct {
	session         *session
	tag             string
	first, validity uint32    // what a state stands for; 0 for none
	fetch           *fetching // takes in the answers to a FETCH behind it, which servers may send first
}

// sendSearch sends a search for those of a set of UIDs that exist.
func (s *session) sendSearch(set string) *searching {
	args := "UID " + set
	if s.has("ESEARCH") {
		args = "RETURN (ALL) UID " + set // RFC 4731: ranges, instead of every number
	}
	return &searching{session: s, tag: s.wire.send("UID SEARCH", args)}
}

// sendSearchSince sends a search for what was not in the folder when it had the state since.
func (s *session) sendSearchSince(since string) *searching {
	first, validity := firstUID(since)
	search := s.sendSearch(fmt.Sprintf("%d:*", first))
	search.first, search.validity = first, validity
	return search
}

// uidsSince awaits the answer. It fails with Stale if the state was of another validity.
func (q *searching) uidsSince(sel *selected) ([]uint32, error) {
	uids, err := q.uids(sel)
	if err == nil && q.validity != 0 && q.validity != sel.validity {
		err = endpoint.Errorf(endpoint.Stale, "the folder's UIDVALIDITY changed since that state: scan it whole")
	}
	if err != nil {
		return nil, err
	}
	// A range with * holds the last message, whatever its UID (RFC 9051 section 9, seq-range).
	from, _ := slices.BinarySearch(uids, q.first)
	return uids[from:], nil
}

// uids awaits the answer: what exists in the open folder, in ascending order.
func (q *searching) uids(sel *selected) ([]uint32, error) {
	found := uidCollector{limit: uint64(sel.messages) + searchSlack}
	st, err := q.session.wire.await(q.tag, answers{untagged: found.untagged, fetch: q.fetch})
	switch {
	case err != nil:
		return nil, err
	case st.kind != "OK":
		return nil, st.err()
	case found.err != nil:
		return nil, found.err
	case !found.answered && sel.messages > 0:
		return nil, endpoint.Errorf(endpoint.Damaged, "the server answered a search without a result")
	}
	if !slices.IsSorted(found.uids) {
		slices.Sort(found.uids)
	}
	return slices.Compact(found.uids), nil
}

// existing returns those of uids that exist in the open folder.
func existing(ctx context.Context, s *session, sel *selected, uids []uint32) ([]uint32, error) {
	var out []uint32
	for len(uids) > 0 {
		set, n := uidSet(uids, len(uids))
		err := s.guard(ctx, func() error {
			found, err := s.sendSearch(set).uids(sel)
			out = append(out, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
		uids = uids[n:]
	}
	return out, nil
}

// uidCollector reads the responses to a search. It holds no more UIDs than there can be messages.
type uidCollector struct {
	limit    uint64
	uids     []uint32
	answered bool
	err      error
}

func (c *uidCollector) untagged(line []byte) {
	kind, rest := cutResponse(line)
	switch kind {
	case "SEARCH":
		c.answered = true
		numbers, _, _ := strings.Cut(string(rest), "(") // (MODSEQ n)
		for word := range strings.FieldsSeq(numbers) {
			c.add(word)
		}
	case "ESEARCH":
		c.answered = true
		words := strings.Fields(string(rest))
		if i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "ALL") }); i >= 0 && i+1 < len(words) {
			for word := range strings.SplitSeq(words[i+1], ",") {
				c.add(word)
			}
		}
	}
}

// add notes a number or a range of numbers.
func (c *uidCollector) add(word string) {
	low, high, isRange := strings.Cut(word, ":")
	if !isRange {
		high = low
	}
	from, errFrom := strconv.ParseUint(low, 10, 32)
	to, errTo := strconv.ParseUint(high, 10, 32)
	from, to = min(from, to), max(from, to)
	if errFrom != nil || errTo != nil || from == 0 || to-from >= c.limit-uint64(len(c.uids)) {
		c.err = endpoint.Errorf(endpoint.Damaged, "the server's answer to a search is no set of existing UIDs")
		c.limit = 0
		return
	}
	for uid := from; uid <= to && c.err == nil; uid++ {
		c.uids = append(c.uids, uint32(uid))
	}
}

// uidSet returns the first of uids, in ascending order, as a set that fits on a command line, and
// their number, which is at most most.
func uidSet(uids []uint32, most int) (set string, n int) {
	var text []byte
	for n < len(uids) && n < most {
		first := n
		for n++; n < len(uids) && n < most && uids[n] == uids[n-1]+1; n++ {
		}
		length := len(text)
		if length > 0 {
			text = append(text, ',')
		}
		if text = appendRange(text, uids[first], uids[n-1]); len(text) > maxSet {
			return string(text[:length]), first
		}
	}
	return string(text), n
}

// appendRange appends a range of UIDs (RFC 9051 section 9, seq-range), or one.
func appendRange(text []byte, first, last uint32) []byte {
	text = strconv.AppendUint(text, uint64(first), 10)
	if last != first {
		text = strconv.AppendUint(append(text, ':'), uint64(last), 10)
	}
	return text
}
