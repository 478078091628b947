package imapendpoint

// ranges asks for messages by several commands, the next of which is on its way before the one before it
// is answered (RFC 9051 section 5.5), so that the server is never idle.
type ranges struct {
	session *session
	left    []uint32 // not asked for
	whole   bool     // as in progress
	page    func() int
	tags    []string // on their way
	asked   int      // messages
}

// send sees to it that two commands are on their way, while there is anything to ask for.
func (r *ranges) send(f *fetching) {
	for len(r.tags) < 2 && len(r.left) > 0 {
		n := pageItems
		if r.page != nil {
			n = r.page()
		}
		n = min(n, len(r.left))
		var set string
		if r.whole {
			set = string(appendRange(nil, r.left[0], r.left[n-1]))
		} else {
			set, n = uidSet(r.left, n)
		}
		r.tags = append(r.tags, r.session.wire.send("UID FETCH", set+" "+f.items.text()))
		r.left = r.left[n:]
		r.asked += n
	}
}

// await reads the answers, and asks for more until one was refused or there is enough.
func (r *ranges) await(f *fetching, full func() bool) (refused error) {
	for len(r.tags) > 0 {
		err := r.session.awaitFetch(r.tags[0], f, nil)
		if !r.session.alive() {
			return err
		}
		r.tags = r.tags[1:]
		if refused == nil {
			refused = err
		}
		if refused == nil && (full == nil || !full()) {
			r.send(f)
		}
	}
	return refused
}

// awaitFetch reads the answer to a FETCH; other responses go to untagged, which may be nil. An error with
// which the session lives is a refusal.
func (s *session) awaitFetch(tag string, f *fetching, untagged func(line []byte)) error {
	st, err := s.wire.await(tag, answers{fetch: f, untagged: untagged})
	if err == nil && st.kind != "OK" {
		err = st.err()
	}
	return err
}
