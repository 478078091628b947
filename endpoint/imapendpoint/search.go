package imapendpoint

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

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
	first, validity := firstUID(since)
	var uids []uint32
	err := d.examine(ctx, f, func(s *session, sel *selected) error {
		if validity != 0 && validity != sel.validity {
			return endpoint.Errorf(endpoint.Stale, "the folder's UIDVALIDITY changed since that state: scan it whole")
		}
		var err error
		uids, err = s.searchUIDs(ctx, fmt.Sprintf("%d:*", first), sel)
		return err
	})
	// A range with * holds the last message, whatever its UID (RFC 9051 section 9, seq-range).
	from, _ := slices.BinarySearch(uids, first)
	return uids[from:], err
}

// searchUIDs returns those of a set of UIDs that exist in the open folder, in ascending order.
func (s *session) searchUIDs(ctx context.Context, set string, sel *selected) ([]uint32, error) {
	line := "UID SEARCH UID " + set
	if s.has("ESEARCH") {
		line = "UID SEARCH RETURN (ALL) UID " + set // RFC 4731: ranges, instead of every number
	}
	found := uidCollector{limit: uint64(sel.messages) + searchSlack}
	if err := s.command(ctx, line, found.untagged); err != nil {
		return nil, err
	}
	if found.err != nil {
		return nil, found.err
	}
	if !found.answered && sel.messages > 0 {
		return nil, endpoint.Errorf(endpoint.Damaged, "the server answered a search without a result")
	}
	slices.Sort(found.uids)
	return slices.Compact(found.uids), nil
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

// uidSet returns the first of uids, in ascending order, as a set whose text fits on a command
// line, and their number, which is at most most.
func uidSet(uids []uint32, most int) (set imap.UIDSet, n int) {
	length := 0
	for n < len(uids) && n < most {
		first := n
		for n++; n < len(uids) && n < most && uids[n] == uids[n-1]+1; n++ {
		}
		length += len("4294967295:4294967295,")
		if length > maxSet {
			return set, first
		}
		set = append(set, imap.UIDRange{Start: imap.UID(uids[first]), Stop: imap.UID(uids[n-1])})
	}
	return set, n
}
