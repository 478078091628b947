package imapendpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// fetchHook answers each message of a UID FETCH by hand; an empty answer leaves it out, and
// "DROP" ends the connection.
func fetchHook(answer func(cmd imapscript.Command, uid uint32) string) func(*imapscript.Conn, imapscript.Command) bool {
	return func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID FETCH" {
			return false
		}
		set, _, _ := strings.Cut(cmd.Args, " ")
		for _, uid := range expand(set) {
			items := answer(cmd, uid)
			before, _, drop := strings.Cut(items, "DROP")
			if drop {
				c.SendRaw(before)
				c.Drop()
				return true
			}
			if items != "" {
				c.Send(fmt.Sprintf("* %d FETCH (%s)", uid, items))
			}
		}
		c.Reply(cmd, "OK done")
		return true
	}
}

// expand returns the numbers of a set.
func expand(set string) []uint32 {
	var out []uint32
	for part := range strings.SplitSeq(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		from, _ := strconv.ParseUint(low, 10, 32)
		to, _ := strconv.ParseUint(high, 10, 32)
		for uid := from; uid <= to; uid++ { // as uint64, lest it never ends at the greatest UID
			out = append(out, uint32(uid))
		}
	}
	return out
}

// respond answers as a good server would, for messages of message.
func respond(cmd imapscript.Command, uid uint32) string {
	out := fmt.Sprintf("UID %d", uid)
	text := message(int(uid))
	header, _, _ := strings.Cut(text, "\r\n\r\n")
	if strings.Contains(cmd.Args, "FLAGS") {
		out += ` FLAGS (\Seen)`
	}
	if strings.Contains(cmd.Args, "INTERNALDATE") {
		out += ` INTERNALDATE "04-Mar-2003 05:06:07 +0000"`
	}
	if strings.Contains(cmd.Args, "RFC822.SIZE") {
		out += fmt.Sprintf(" RFC822.SIZE %d", len(text))
	}
	switch {
	case strings.Contains(cmd.Args, "HEADER.FIELDS"):
		_, section, _ := strings.Cut(cmd.Args, "BODY.PEEK")
		section, _, _ = strings.Cut(section, "]")
		out += " BODY" + section + "] " + imapscript.Literal(header+"\r\n\r\n")
	case strings.Contains(cmd.Args, "[HEADER]"):
		out += " BODY[HEADER] " + imapscript.Literal(header+"\r\n\r\n")
	case strings.Contains(cmd.Args, "<0."):
		out += " BODY[]<0> " + imapscript.Literal(text)
	case strings.Contains(cmd.Args, "BODY"):
		out += " BODY[] " + imapscript.Literal(text)
	}
	return out
}

func modelOf(n int) *imapscript.Model {
	model := &imapscript.Model{}
	for i := range n {
		model.Add("INBOX", message(i+1))
	}
	return model
}

// poison breaks the answer for one message.
type poison struct {
	name string
	// breaks returns what is sent in place of the whole answer, or nothing to let it pass.
	breaks func(cmd imapscript.Command, whole string) string
	// listed and read say whether the message can be listed by its header, and read.
	listed, read bool
}

func poisons() []poison {
	when := func(word, answer string) func(imapscript.Command, string) string {
		return func(cmd imapscript.Command, _ string) string {
			if strings.Contains(cmd.Args, word) {
				return answer
			}
			return ""
		}
	}
	return []poison{
		{"connection dropped before", when("", "DROP"), false, false},
		{"connection dropped within", func(_ imapscript.Command, whole string) string { return "* 5 FETCH (" + whole[:len(whole)-9] + "DROP" }, false, false},
		{"connection dropped behind the UID", when("", "* 5 FETCH (UID 5 DROP"), false, false},
		{"nothing delivered", when("BODY", `UID 5 FLAGS (\Seen)`), false, false},
		{"not a list", when("", "UID 5 FLAGS \\Seen {}"), false, false},
		{"dropped before INTERNALDATE", func(cmd imapscript.Command, whole string) string {
			if !strings.Contains(cmd.Args, "INTERNALDATE") {
				return ""
			}
			before, date, _ := strings.Cut(whole, " INTERNALDATE")
			return "* 5 FETCH (" + before + date[len(` "04-Mar-2003 05:06:07 +0000"`):] + " INTERDROP"
		}, true, true},
		{"dropped with INTERNALDATE", when("INTERNALDATE", "DROP"), true, true},
		{"dropped with HEADER.FIELDS", when("HEADER.FIELDS", "DROP"), true, true},
		{"dropped with FLAGS", when("FLAGS", "DROP"), true, true},
		{"dropped with any HEADER", when("HEADER", "DROP"), true, true},
	}
}

// TestFact4PoisonousMessages has one message of 40 break every answer that it is in.
func TestFact4PoisonousMessages(t *testing.T) {
	const n, bad = 40, 5
	for _, p := range poisons() {
		t.Run(p.name, func(t *testing.T) {
			noLeaks(t)
			var drops atomic.Int32
			model := modelOf(n)
			model.Hook = fetchHook(func(cmd imapscript.Command, uid uint32) string {
				whole := respond(cmd, uid)
				if uid == bad {
					if answer := p.breaks(cmd, whole); answer != "" {
						drops.Add(1)
						return answer
					}
				}
				return whole
			})
			m := openScript(t, model)
			f := folder(t, m, "INBOX")
			checkPoisonedList(t, p, all(t, m.List(t.Context(), f, "")), n, bad)
			checkPoisonedBodies(t, p, read(t, m, f, all(t, m.Refs(t.Context(), f))...), n, bad)
			err := failure(m.Marks(t.Context(), f, ""))
			if p.listed && err != nil || !p.listed && endpoint.CodeOf(err) != endpoint.Damaged {
				t.Errorf("marks: %v", err)
			}
			if got := drops.Load(); got > 20 {
				t.Errorf("the message was asked for %d times", got)
			}
		})
	}
}

func checkPoisonedList(t *testing.T, p poison, items []endpoint.Item, n, bad int) {
	t.Helper()
	if len(items) != n {
		t.Fatalf("%d items, want %d", len(items), n)
	}
	for i, it := range items {
		whole := it.Identity == identity([]byte(message(i+1)), 0)
		if it.Ref != fmt.Sprint(i+1) || whole != (i+1 != bad || p.listed) {
			t.Errorf("item %d is %+v", i+1, it)
		}
		if i+1 == bad && !p.listed && (it.Size != -1 || it.Identity == "") {
			t.Errorf("the bad item is %+v", it)
		}
	}
}

func checkPoisonedBodies(t *testing.T, p poison, bodies map[string]body, n, bad int) {
	t.Helper()
	if len(bodies) != n {
		t.Errorf("%d bodies, want %d", len(bodies), n)
	}
	for i := 1; i <= n; i++ {
		b := bodies[fmt.Sprint(i)]
		if i == bad && !p.read {
			if endpoint.CodeOf(b.Err) != endpoint.Damaged {
				t.Errorf("the bad body is %q, %v", b.text, b.Err)
			}
		} else if b.Err != nil || b.text != message(i) {
			t.Errorf("body %d is %q, %v", i, b.text, b.Err)
		}
	}
}

// TestDatesThatAreNone lists and reads a folder whose dates are all nonsense, in a few commands.
func TestDatesThatAreNone(t *testing.T) {
	model := modelOf(100)
	model.Hook = fetchHook(func(cmd imapscript.Command, uid uint32) string {
		return strings.Replace(respond(cmd, uid), "04-Mar-2003", "00-Jan-1900", 1)
	})
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	before := m.Wire().Commands
	items := all(t, m.List(t.Context(), f, ""))
	bodies := read(t, m, f, all(t, m.Refs(t.Context(), f))...)
	if len(items) != 100 || len(bodies) != 100 || items[7].Identity != identity([]byte(message(8)), 0) || !items[7].Received.IsZero() || bodies["8"].text != message(8) {
		t.Errorf("%d items, such as %+v; %d bodies", len(items), items[7], len(bodies))
	}
	if cost := m.Wire().Commands - before; cost > 16 {
		t.Errorf("%d commands", cost)
	}
}

// TestSweepKeepsItsOrder has a server answer backwards, and break off.
func TestSweepKeepsItsOrder(t *testing.T) {
	model := modelOf(20)
	var broken atomic.Bool
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID FETCH" {
			return false
		}
		set, _, _ := strings.Cut(cmd.Args, " ")
		uids := expand(set)
		slices.Reverse(uids)
		for i, uid := range uids {
			if i == 10 && !broken.Swap(true) {
				c.Drop()
				return true
			}
			c.Send(fmt.Sprintf("* %d FETCH (%s)", uid, respond(cmd, uid)))
		}
		c.Reply(cmd, "OK done")
		return true
	}
	m := openScript(t, model)
	items := all(t, m.List(t.Context(), folder(t, m, "INBOX"), ""))
	for i, it := range items {
		if it.Ref != fmt.Sprint(i+1) {
			t.Fatalf("item %d has reference %s", i, it.Ref)
		}
	}
	if len(items) != 20 || !broken.Load() {
		t.Errorf("%d items, want 20; broken off: %t", len(items), broken.Load())
	}
}

// TestAllAtOnce searches for UIDs only where fewer messages came than there are: one is left out the first
// time, perhaps while another comes.
func TestAllAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		leftOut  uint32
		comes    bool
		searches int32
	}{
		"all come":                      {0, false, 0},
		"another comes":                 {0, true, 0},
		"one is left out":               {3, false, 1},
		"one is left out and one comes": {3, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			model := modelOf(6)
			var fetches, searches atomic.Int32
			fetch := fetchHook(func(cmd imapscript.Command, uid uint32) string {
				if uid > 7 || uid == 7 && !c.comes || uid == c.leftOut && fetches.Load() == 1 {
					return ""
				}
				return respond(cmd, uid)
			})
			model.Hook = func(conn *imapscript.Conn, cmd imapscript.Command) bool {
				switch cmd.Name {
				case "UID SEARCH":
					searches.Add(1)
				case "UID FETCH":
					if fetches.Add(1) == 1 && c.comes {
						model.Add("INBOX", message(7))
						conn.Send("* 7 EXISTS")
					}
				}
				return fetch(conn, cmd)
			}
			m := openScript(t, model)
			want := "1 2 3 4 5 6"
			if c.comes {
				want += " 7"
			}
			if items := all(t, m.List(t.Context(), folder(t, m, "INBOX"), "")); refs(items) != want {
				t.Errorf("listed %s, want %s", refs(items), want)
			}
			if searches.Load() != c.searches {
				t.Errorf("%d searches, want %d", searches.Load(), c.searches)
			}
		})
	}
}

// TestExpungedMeanwhile has messages vanish between SEARCH and FETCH.
func TestExpungedMeanwhile(t *testing.T) {
	model := modelOf(6)
	model.Hook = func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID FETCH" {
			model.Edit("INBOX", func(f *imapscript.Folder) {
				f.Messages = slices.DeleteFunc(f.Messages, func(m imapscript.Message) bool { return m.UID == 2 || m.UID == 5 })
			})
		}
		return false
	}
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	if items := all(t, m.List(t.Context(), f, "")); refs(items) != "1 3 4 6" {
		t.Errorf("listed %s, want 1 3 4 6", refs(items))
	}
	bodies := read(t, m, f, "1", "2", "3")
	if endpoint.CodeOf(bodies["2"].Err) != endpoint.NotFound || bodies["3"].text != message(3) {
		t.Errorf("bodies are %+v", bodies)
	}
}

// TestServerFailsAlways gives up on a server that delivers nothing at all.
func TestServerFailsAlways(t *testing.T) {
	model := modelOf(maxInRow + 20)
	model.Hook = fetchHook(func(imapscript.Command, uint32) string { return "DROP" })
	m := openScript(t, model)
	if err := failure(m.List(t.Context(), folder(t, m, "INBOX"), "")); endpoint.CodeOf(err) != endpoint.Unavailable {
		t.Errorf("%v, want Unavailable", err)
	}
}

// TestSearchAnswers reads answers to a search that lie, or say nothing.
func TestSearchAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"SEARCH 3 1 2 3":                         "1 2 3",
		"SEARCH 3 2 (MODSEQ 12)":                 "2 3",
		"SEARCH":                                 "",
		`ESEARCH (TAG "x") UID ALL 1:2,4`:        "1 2 4",
		`ESEARCH (TAG "x") UID COUNT 2 ALL 2:1`:  "1 2",
		`ESEARCH (TAG "x") UID`:                  "",
		`ESEARCH (TAG "x") UID ALL 1:4294967295`: "damaged",
		"SEARCH 1 x":                             "damaged",
		"SEARCH 0":                               "damaged",
		"SEARCH 4294967296":                      "damaged",
		"OK nothing":                             "damaged",
	} {
		model := modelOf(4)
		model.Hook = script(map[string][]string{"UID SEARCH": {answer, "OK done"}})
		m := openScript(t, model)
		var got []string
		for ref, err := range m.Refs(t.Context(), folder(t, m, "INBOX")) {
			if err != nil {
				got = []string{endpoint.CodeOf(err).String()}
				break
			}
			got = append(got, ref)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is read as %q, want %q", answer, got, want)
		}
	}
}

func TestUIDSet(t *testing.T) {
	set, n := uidSet([]uint32{1, 2, 3, 5, 7, 8}, 5)
	if set != "1:3,5,7" || n != 5 {
		t.Errorf("set %s of %d", set, n)
	}
	sparse := make([]uint32, 100_000)
	for i := range sparse {
		sparse[i] = uint32(4_000_000_000 + 2*i)
	}
	total := 0
	for left := sparse; len(left) > 0; {
		set, n := uidSet(left, len(left))
		if n == 0 || len(set) > maxSet {
			t.Fatalf("%d UIDs in %d bytes", n, len(set))
		}
		total += n
		left = left[n:]
	}
	if total != len(sparse) {
		t.Errorf("%d UIDs, want %d", total, len(sparse))
	}
}
