package endpointtest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing/iotest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

func putClauses() []clause {
	return []clause{
		{"E16", "OneResultEach", "Put yields one result for each item, and Marks sees what it wrote, in every session", testPut},
		{"E16", "ManyItems", "a Put of hundreds of items writes each of them once", testPutMany},
		{"E17", "BodyBehindMark", "what is written is the mark, as watermark.Prefix has it, and the body", testPutBodies},
		{"E18", "Flags", "flags are kept, or reported as dropped", testPutFlags},
		{"E19", "Received", "the time of receipt is kept to the second where the capabilities say so", testPutReceived},
		{"E21", "MaxItem", "an item above MaxItem is TooLarge, and harms no other", testMaxItem},
		{"E22", "BrokenBodies", "an item whose body fails is not written, and no other is answered wrongly", testBrokenBodies},
		{"E23", "Twins", "the same body under two marks makes two items", testPutTwins},
		{"E33", "Kinds", "every kind in Capabilities.Write is written and found by its mark", testKinds},
	}
}

func testPut(s *scene) {
	s.writes()
	f := s.workFolder()
	unmarked := s.deliver(work(), 0, 2)
	items := s.mails(5)
	results := s.mustPut(f, items...)
	whole := all(s, s.box.Refs(s.Context(), f))
	for _, box := range []*endpoint.Mailbox{s.box, s.open()} {
		found := s.sightings(box, f, "")
		if len(found) != len(items) {
			s.Errorf("Marks yields %d items, want %d", len(found), len(items))
		}
		for _, it := range items {
			sighting, ref := found[it.Mark], results[it.Mark].Ref
			if !slices.Contains(whole, sighting.Ref) || ref != "" && ref != sighting.Ref {
				s.Errorf("the result says item %q, Marks says %q, Refs says %q", ref, sighting.Ref, whole)
			}
		}
	}
	for _, it := range all(s, s.box.List(s.Context(), f, "")) {
		if marked := len(it.Marks.Marks) == 1; marked == slices.Contains(unmarked, it.Ref) {
			s.Errorf("List says that item %s has marks %+v", it.Ref, it.Marks)
		}
	}
	if got := s.put(f); len(got) != 0 {
		s.Errorf("%d results for no item", len(got))
	}
}

func testPutMany(s *scene) {
	s.writes()
	f := s.workFolder()
	items := s.mails(300)
	s.mustPut(f, items...)
	found := s.sightings(s.open(), f, "")
	if got := len(s.fixture.Messages(work())); got != len(items) || len(found) != len(items) {
		s.Errorf("%d items, %d marks, want %d", got, len(found), len(items))
	}
}

func testPutBodies(s *scene) {
	s.writes()
	f := s.workFolder()
	bodies := s.hostileBodies()
	var items []endpoint.Put
	for _, b := range bodies {
		items = append(items, s.mail(b.Bytes))
	}
	s.mustPut(f, items...)
	found := s.sightings(s.box, f, "")
	var refs []string
	for _, sighting := range found {
		refs = append(refs, sighting.Ref)
	}
	got := s.read(s.box, f, refs...)
	seen := map[string][]byte{}
	for _, m := range s.fixture.Messages(work()) {
		seen[m.Ref] = m.Body
	}
	for i, b := range bodies {
		sighting, ok := found[items[i].Mark]
		if !ok {
			s.Errorf("%s: Marks does not yield the item", b.Name)
			continue
		}
		want := stamped(items[i], b.Bytes)
		s.wantBody(b.Name, got[sighting.Ref].bytes, want)
		s.wantBody(b.Name+", as another client sees it", seen[sighting.Ref], want)
	}
}

// flagsOf returns the flags of a message in lower case: system flags have none.
func flagsOf(flags []endpoint.Flag) []string {
	var list []string
	for _, f := range flags {
		list = append(list, strings.ToLower(string(f)))
	}
	slices.Sort(list)
	return list
}

func testPutFlags(s *scene) {
	s.writes()
	f := s.workFolder()
	sets := [][]endpoint.Flag{
		nil,
		{endpoint.Seen},
		{endpoint.Answered, endpoint.IsFlagged},
		{endpoint.Deleted},
		{endpoint.Draft, endpoint.Seen},
		{`\SEEN`, endpoint.Seen},
		{"$Forwarded"},
		{"keyword", endpoint.Seen},
		{`\Recent`, endpoint.Seen},
		{`\Unknown`},
	}
	var items []endpoint.Put
	for i, set := range sets {
		it := s.mail(message(i))
		it.Flags = set
		items = append(items, it)
	}
	results := s.mustPut(f, items...)
	for i, m := range s.written(f, items) {
		s.wantFlags(m.Flags, items[i], results[items[i].Mark])
		for _, flag := range results[items[i].Mark].Dropped {
			keyword := !strings.HasPrefix(string(flag), `\`)
			maybe := flag == `\Recent` || flag == `\Unknown` || flag == endpoint.Deleted
			if !maybe && (!keyword || s.caps.Keywords) {
				s.Errorf("flag %q was dropped", flag)
			}
		}
	}
	if !s.caps.Keywords && len(results[items[6].Mark].Dropped) != 1 {
		s.Error("Capabilities.Keywords is false, and a keyword was not reported as dropped")
	}
}

// written returns the messages that items became, in the order of the items, as another client sees
// them.
func (s *scene) written(f endpoint.Folder, items []endpoint.Put) []Message {
	s.Helper()
	seen := map[string]Message{}
	for _, m := range s.fixture.Messages(f.Path) {
		seen[m.Ref] = m
	}
	found := s.sightings(s.box, f, "")
	var list []Message
	for _, it := range items {
		m, ok := seen[found[it.Mark].Ref]
		if !ok {
			s.Error("an item that was put is not there")
		}
		list = append(list, m)
	}
	return list
}

// wantFlags checks that an item has every flag that was not reported as dropped, and no other.
func (s *scene) wantFlags(got []endpoint.Flag, it endpoint.Put, r endpoint.PutResult) {
	s.Helper()
	dropped := flagsOf(r.Dropped)
	var want []string
	for _, flag := range flagsOf(it.Flags) {
		if !slices.Contains(dropped, flag) {
			want = append(want, flag)
		}
	}
	if got := flagsOf(got); !slices.Equal(got, slices.Compact(want)) {
		s.Errorf("of the flags %.200q, %.200q were dropped, and %.200q are there", it.Flags, r.Dropped, got)
	}
	for _, flag := range r.Dropped {
		if !slices.Contains(it.Flags, flag) {
			s.Errorf("flag %.200q is reported as dropped, and was not given", flag)
		}
	}
}

func testPutReceived(s *scene) {
	s.writes()
	f := s.workFolder()
	times := []time.Time{
		someTime(), time.Date(2000, time.February, 29, 23, 59, 59, 123_456_789, time.UTC),
		time.Date(1999, time.December, 31, 23, 30, 0, 0, time.FixedZone("", -5*3600-1800)),
		{},
	}
	var items []endpoint.Put
	for i, at := range times {
		it := s.mail(message(i))
		it.Received = at
		items = append(items, it)
	}
	s.mustPut(f, items...)
	seen := s.written(f, items)
	if !s.caps.Received {
		return // written all the same, with times of the server's choice
	}
	for i, at := range times {
		if !at.IsZero() && !seen[i].Received.Equal(at.Truncate(time.Second)) {
			s.Errorf("received %v, another client sees %v", at, seen[i].Received)
		}
	}
	for _, it := range all(s, s.box.List(s.Context(), f, "")) {
		if i := slices.IndexFunc(seen, func(m Message) bool { return m.Ref == it.Ref }); i >= 0 && !seen[i].Received.Equal(it.Received) {
			s.Errorf("List says received %v, another client sees %v", it.Received, seen[i].Received)
		}
	}
}

func testMaxItem(s *scene) {
	s.writes()
	if s.caps.MaxItem == 0 {
		s.Skip("Capabilities.MaxItem is unknown")
	}
	if s.caps.MaxItem > 100<<20 {
		s.Skip("Capabilities.MaxItem is more than this suite writes")
	}
	f := s.workFolder()
	prefix := int64(len(watermark.Prefix(s.mark(), message(0))))
	fits := bytes.Repeat([]byte("x"), int(s.caps.MaxItem-prefix))
	copy(fits, message(0))
	items := []endpoint.Put{s.mail(message(1)), s.mail(append([]byte("A: b\r\n"), fits...)), s.mail(fits), s.mail(message(2))}
	results := s.put(f, items...)
	for i, it := range items {
		if i == 1 {
			s.wantCode("an item above MaxItem", results[it.Mark].Err, endpoint.TooLarge)
		} else if err := results[it.Mark].Err; err != nil {
			s.Errorf("item %d: %v", i, err)
		}
	}
	if got := len(s.fixture.Messages(work())); got != 3 {
		s.Errorf("%d items are there, want 3", got)
	}
}

// brokenContent is a content that does not keep its word.
type brokenContent struct {
	size int64
	open func() (io.Reader, error)
}

func (c brokenContent) Format() endpoint.Format { return endpoint.RFC822 }
func (c brokenContent) Size() int64             { return c.size }
func (c brokenContent) Close() error            { return nil }

func (c brokenContent) Open() (io.ReadCloser, error) {
	r, err := c.open()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(r), nil
}

func testBrokenBodies(s *scene) {
	s.writes()
	f := s.workFolder()
	errDisk := errors.New("the disk is gone")
	whole := message(1)
	reader := func(r io.Reader) func() (io.Reader, error) {
		return func() (io.Reader, error) { return r, nil }
	}
	big := int64(300_000)
	broken := map[string]brokenContent{
		"cannot be opened":  {int64(len(whole)), func() (io.Reader, error) { return nil, errDisk }},
		"fails at once":     {int64(len(whole)), reader(iotest.ErrReader(errDisk))},
		"ends early":        {int64(len(whole)) + 1, reader(bytes.NewReader(whole))},
		"ends far too soon": {big, reader(bytes.NewReader(large(1, 200_000)))},
		"goes on":           {int64(len(whole)) - 1, reader(bytes.NewReader(whole))},
		"fails far within":  {big, reader(io.MultiReader(bytes.NewReader(large(1, 200_000)), iotest.ErrReader(errDisk)))},
	}
	for name, content := range broken {
		it := s.mail(nil)
		it.Content = content
		good := s.mails(2)
		results := s.put(f, good[0], it, good[1])
		if err := results[it.Mark].Err; err == nil || errors.Is(err, endpoint.ErrInDoubt) {
			s.Errorf("a body that %s: %v, want that the item was not written", name, err)
		}
		answers := map[watermark.Mark]error{it.Mark: results[it.Mark].Err}
		for _, g := range good {
			// A connection that had to be cut costs the items on their way an answer, but no more.
			answers[g.Mark] = results[g.Mark].Err
			if err := results[g.Mark].Err; err != nil && !errors.Is(err, endpoint.ErrInDoubt) {
				s.Errorf("an item beside a body that %s: %v", name, err)
			}
		}
		time.Sleep(s.graceAfter(answers))
		s.wantAnswered(f, append(good, it), answers)
	}
	found := s.sightings(s.open(), f, "")
	if got := len(s.fixture.Messages(work())); got != len(found) || got > 2*len(broken) {
		s.Errorf("%d items are there, %d of them marked, want at most %d", got, len(found), 2*len(broken))
	}
}

func testPutTwins(s *scene) {
	s.writes()
	f := s.workFolder()
	a, b := s.mail(message(1)), s.mail(message(1))
	s.mustPut(f, a, b)
	s.mustPut(f, s.mail(message(1)))
	found := s.sightings(s.box, f, "")
	if len(found) != 3 || found[a.Mark].Ref == found[b.Mark].Ref {
		s.Errorf("three marks on one message made %d items", len(found))
	}
}

// graceAfter returns for how long items may still come, given the answers.
func (s *scene) graceAfter(answers map[watermark.Mark]error) time.Duration {
	for _, err := range answers {
		if errors.Is(err, endpoint.ErrInDoubt) {
			return s.caps.PutGrace + s.caps.Visibility
		}
	}
	return 0
}

// sampleUID is the UID of every sample that is no mail.
const sampleUID = "sample-1"

// sample returns a small item of a kind in a format, or nil.
func sample(k endpoint.Kind, f endpoint.Format) []byte {
	component := map[endpoint.Kind]string{endpoint.Event: "VEVENT", endpoint.Task: "VTODO", endpoint.Journal: "VJOURNAL"}[k]
	switch {
	case f == endpoint.RFC822:
		return message(1)
	case f == endpoint.VCard:
		return []byte("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:" + sampleUID + "\r\nFN:Ann\r\nEND:VCARD\r\n")
	case f == endpoint.ICalendar && component != "":
		return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:" + component + "\r\nUID:" + sampleUID + "\r\n" +
			"DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:lunch\r\nEND:" + component + "\r\nEND:VCALENDAR\r\n")
	}
	return nil
}

// folderOf makes a folder for items of a kind, where such folders are.
func (s *scene) folderOf(kind endpoint.Kind) endpoint.Folder {
	s.Helper()
	path := append(slices.Clone(s.caps.Roots[kind]), "Kind "+kind.String())
	f, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: path, Kinds: []endpoint.Kind{kind}})
	if err != nil {
		s.Fatal(err)
	}
	return f
}

func testKinds(s *scene) {
	tried := 0
	for _, kind := range endpoint.AllKinds() {
		for _, format := range s.caps.Write[kind] {
			body := sample(kind, format)
			if body == nil || !s.caps.CreateFolder {
				continue // a format of this endpoint's own
			}
			tried++
			f := s.folderOf(kind)
			it := endpoint.Put{Mark: s.mark(), Kind: kind, Content: endpoint.Bytes(format, body)}
			s.mustPut(f, it)
			sighting, ok := s.sightings(s.open(), f, "")[it.Mark]
			items := all(s, s.box.List(s.Context(), f, ""))
			if !ok || len(items) != 1 || items[0].Kind != kind || items[0].Ref != sighting.Ref {
				s.Errorf("%v in %s: Marks says %+v, List %+v", kind, format, sighting, items)
			}
		}
	}
	if tried == 0 {
		s.Skip("Capabilities.Write or CreateFolder excludes every portable format")
	}
}
