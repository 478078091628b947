package imapendpoint

import (
	"context"
	"maps"
	"strings"
)

// move is UID MOVE (RFC 6851 section 3.3).
func (s *session) move(ctx context.Context, uids []uint32, to string) (refused map[uint32]error, err error) {
	quoted, err := quoteString(to)
	if err != nil {
		return nil, err
	}
	return s.halving(uids, func(uids []uint32) error {
		return s.command(ctx, "UID MOVE "+setText(uids)+" "+quoted, nil)
	})
}

// copyAndExpunge does what UID MOVE does, in three commands (RFC 6851 section 3.3). It expunges
// only what the server says that it copied.
func (s *session) copyAndExpunge(ctx context.Context, uids []uint32, to string) (map[uint32]error, error) {
	var copied []uint32
	refused, err := s.halving(uids, func(uids []uint32) error {
		done, err := s.copy(ctx, uids, to)
		copied = append(copied, done...)
		return err
	})
	if err != nil || len(copied) == 0 {
		return refused, err
	}
	left, err := s.expunge(ctx, copied)
	maps.Copy(refused, left)
	return refused, err
}

// copy is UID COPY (RFC 9051 section 6.4.7). It returns the UIDs that were copied, as COPYUID
// (RFC 4315 section 3) names them; without that, OK means all.
func (s *session) copy(ctx context.Context, uids []uint32, to string) ([]uint32, error) {
	quoted, err := quoteString(to)
	if err != nil {
		return nil, err
	}
	st, err := s.send(ctx, "UID COPY "+setText(uids)+" "+quoted, nil)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(st.args)
	if st.code != "COPYUID" {
		return uids, nil
	}
	source := uidCollector{limit: uint64(len(uids))}
	if len(words) == 3 {
		for word := range strings.SplitSeq(words[1], ",") {
			source.add(word)
		}
	}
	return intersection(uids, source.uids), nil
}
