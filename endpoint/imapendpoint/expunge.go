package imapendpoint

import "context"

// expunge is UID EXPUNGE (RFC 4315 section 2.1) of messages that it marks as \Deleted first. One whose
// expunction is refused keeps that flag, which may have been there before.
func (s *session) expunge(ctx context.Context, uids []uint32) (refused map[uint32]error, err error) {
	return s.halving(uids, func(uids []uint32) error {
		set := setText(uids)
		if err := s.command(ctx, `UID STORE `+set+` +FLAGS.SILENT (\Deleted)`, nil); err != nil {
			return err
		}
		return s.command(ctx, "UID EXPUNGE "+set, nil)
	})
}
