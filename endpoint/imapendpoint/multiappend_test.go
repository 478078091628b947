package imapendpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/watermark"
)

const batchCapabilities = "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND"

func TestAppendUIDs(t *testing.T) {
	for answer, want := range map[string]string{
		"OK [APPENDUID 7 1:3,7] done":                 "7 [1 2 3 7]",
		"OK [APPENDUID 7 4,5,6,9] done":               "7 [4 5 6 9]",
		"OK [appenduid 7 2:5] done":                   "7 [2 3 4 5]",
		"OK [APPENDUID 7 1:4] x] done":                "7 [1 2 3 4]",
		"OK [APPENDUID 7 4294967292:4294967295] done": "7 [4294967292 4294967293 4294967294 4294967295]",
		"OK [APPENDUID 7 1:3] done":                   "0 []", // too few
		"OK [APPENDUID 7 1:5] done":                   "0 []", // too many
		"OK [APPENDUID 7 1:4294967295] done":          "0 []",
		"OK [APPENDUID 7 1:2,2:3] done":               "0 []", // not ascending: which is which?
		"OK [APPENDUID 7 4:1] done":                   "0 []",
		"OK [APPENDUID 7 3,4,1,2] done":               "0 []",
		"OK [APPENDUID 7 0:3] done":                   "0 []",
		"OK [APPENDUID 7 1:*] done":                   "0 []",
		"OK [APPENDUID 7 1:2:3,4] done":               "0 []",
		"OK [APPENDUID 7 ,1:4] done":                  "0 []",
		"OK [APPENDUID 7 1:4294967296] done":          "0 []",
		"OK [APPENDUID 0 1:4] done":                   "0 []",
		"OK [APPENDUID 1:4] done":                     "0 []",
		"OK [COPYUID 7 1:4 1:4] done":                 "0 []",
		"OK APPENDUID 7 1:4":                          "0 []",
	} {
		s, ok := parseStatus([]byte("x " + answer))
		validity, uids := s.appendUIDs(4)
		if got := fmt.Sprint(validity, uids); !ok || got != want {
			t.Errorf("%s: %s, want %s", answer, got, want)
		}
	}
}

// batchModel is a server that takes batches. It notes how many messages each command has.
func batchModel(sizes *[]int, hook func(c *imapscript.Conn, cmd imapscript.Command) bool) *imapscript.Model {
	m := &imapscript.Model{Capabilities: batchCapabilities}
	m.Add("INBOX")
	m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "APPEND" && sizes != nil {
			*sizes = append(*sizes, len(cmd.Literals))
		}
		return hook != nil && hook(c, cmd)
	}
	return m
}

// TestBatches proves in what steps a connection comes to batches: what the server might refuse
// asks for leave, once, and a list of flags that is new goes by itself.
func TestBatches(t *testing.T) {
	noLeaks(t)
	var sizes []int
	var asked []string
	m := batchModel(&sizes, nil)
	m.BeforeLiteral = func(line string) string {
		if !strings.HasSuffix(line, "+}") {
			asked = append(asked, line[strings.Index(line, " ")+1:])
		}
		return ""
	}
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	var msgs []appendMessage
	for i := range 30 {
		flags := []string{`\Seen`}
		if i == 20 {
			flags = []string{`\Seen`, "$New"}
		}
		msgs = append(msgs, textMessage(fmt.Sprintf("body %02d", i), flags...))
	}
	limits := testLimits()
	limits.batch = 8
	first := sendWithin(t.Context(), s, "INBOX", limits, msgs)
	// The ones before the first batch is confirmed, and how many batches there are, is up to how soon
	// the answers come.
	if slices.Max(sizes) > limits.batch || sizes[0] != 1 || len(asked) > 5 {
		t.Errorf("commands of %v messages; asked at %q", sizes, asked)
	}
	sizes, asked = nil, nil
	second := sendWithin(t.Context(), s, "INBOX", limits, msgs)
	if fmt.Sprint(sizes) != "[8 8 8 6]" || len(asked) > 0 {
		t.Errorf("then, commands of %v messages; asked at %q", sizes, asked)
	}
	stored := m.Folder("INBOX").Messages
	for i, r := range append(first, second...) {
		if r.err != nil || int(r.uid) != i+1 || stored[i].Body != fmt.Sprintf("body %02d", i%30) || (stored[i].Flags == `\Seen $New`) != (i%30 == 20) {
			t.Errorf("message %d: %+v, stored as %+v", i, r, stored[i])
		}
	}
}

// TestBatchLimits has messages that do not fit together.
func TestBatchLimits(t *testing.T) {
	var sizes []int
	m := batchModel(&sizes, nil)
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	small, large := textMessage("1234"), textMessage(strings.Repeat("x", 500))
	limits := appendLimits{batch: 4, batchBytes: 100, window: 100, windowBytes: 1000}
	sendWithin(t.Context(), s, "INBOX", limits, slices.Repeat([]appendMessage{small}, 10))
	sizes = nil
	alone := small
	alone.alone = true
	msgs := slices.Concat(slices.Repeat([]appendMessage{small}, 6), []appendMessage{large, large, small, small, alone, small, small})
	for i, r := range sendWithin(t.Context(), s, "INBOX", limits, msgs) {
		if r.err != nil {
			t.Errorf("message %d: %v", i, r.err)
		}
	}
	if fmt.Sprint(sizes) != "[4 2 1 1 2 1 2]" {
		t.Errorf("commands of %v messages", sizes)
	}
}

// TestInjectionInBatches has a server refuse the second message of a command with BAD and read it
// as commands: one that says MULTIAPPEND and does not mean it.
func TestInjectionInBatches(t *testing.T) {
	noLeaks(t)
	m := batchModel(nil, nil)
	m.BeforeLiteral = func(line string) string {
		if strings.Count(line, "}") > 1 {
			return "BAD end of line expected"
		}
		return ""
	}
	srv := imapscript.Start(t, m.Serve)
	box := openAt(t, srv.Addr)
	var items []endpoint.Put
	for i := range 40 {
		items = append(items, testPut(i, hostileBody, endpoint.Seen))
	}
	for round := range 5 {
		for i := range items {
			items[i].Mark = testMark(100*round + i)
		}
		for mark, r := range put(t, box, folder(t, box, "INBOX"), items...) {
			if r.Err != nil {
				t.Errorf("item %v: %v", mark, r.Err)
			}
		}
	}
	wantOnce(t, m, 5*len(items))
	if names := srv.Commands(); slices.Contains(names, "CREATE") || slices.Contains(names, "DELETE") {
		t.Errorf("the server read %q", names)
	}
	if n := srv.Accepted(); n > 2*maxStrikes+1 {
		t.Errorf("it took %d connections to learn that the server takes no batches", n)
	}
}

// wantOnce checks that INBOX holds n messages, no two behind the same mark.
func wantOnce(t *testing.T, m *imapscript.Model, n int) {
	t.Helper()
	seen := map[watermark.Mark]int{}
	for _, msg := range m.Folder("INBOX").Messages {
		for _, mark := range watermark.Read([]byte(msg.Body)).Marks {
			seen[mark]++
		}
	}
	if got := len(m.Folder("INBOX").Messages); got != n || len(seen) != n {
		t.Errorf("%d messages behind %d marks, want %d", got, len(seen), n)
	}
}

// prepared opens a mailbox whose one connection sends batches by now, without a message of its own
// in INBOX.
func prepared(t *testing.T, m *imapscript.Model) *endpoint.Mailbox {
	t.Helper()
	srv := imapscript.Start(t, m.Serve)
	box, err := Open(t.Context(), *wireConfig(t, srv.Addr, func(c *Config) { c.Connections = 1 }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	m.Add("Warm")
	warm(t, box)
	return box
}

// warm lets the connection of a mailbox come to batches.
func warm(t *testing.T, box *endpoint.Mailbox) {
	t.Helper()
	for range 2 { // the first may end before the first batch is confirmed
		var items []endpoint.Put
		for i := range 8 {
			items = append(items, testPut(9000+i, message(i)))
		}
		put(t, box, folder(t, box, "Warm"), items...)
	}
}

// TestBatchRefused refuses one message of a batch, with all sorts of answers, by servers that keep
// nothing of the batch, a part of it, or all of it. Each message must be there once or have its
// own error, which is that of its own refusal.
func TestBatchRefused(t *testing.T) {
	answers := map[string]struct {
		code endpoint.Code
		all  bool // concerns the others, too
	}{
		"NO virus":                 {endpoint.Rejected, false},
		"NO [TOOBIG] no":           {endpoint.TooLarge, false},
		"NO [LIMIT] no":            {endpoint.TooLarge, false},
		"NO [NOPERM] no":           {endpoint.Denied, false},
		"NO [CANNOT] no":           {endpoint.Rejected, false},
		"BAD no":                   {endpoint.Rejected, false},
		"NO [OVERQUOTA] full":      {endpoint.OverQuota, true},
		"NO [THROTTLED] slow down": {endpoint.Throttled, true},
		"NO [UNAVAILABLE] later":   {endpoint.Unavailable, true},
	}
	for answer, want := range answers {
		for _, keeps := range []int{0, 2, 5, 100} {
			t.Run(fmt.Sprint(answer, " keeping ", keeps), func(t *testing.T) {
				noLeaks(t)
				var m *imapscript.Model
				refusedBatch := false
				m = batchModel(nil, func(c *imapscript.Conn, cmd imapscript.Command) bool {
					at := slices.IndexFunc(cmd.Literals, func(b []byte) bool { return strings.Contains(string(b), "no 5\r\n") })
					if cmd.Name != "APPEND" || at < 0 || strings.Contains(cmd.Args, "Warm") {
						return false
					}
					if len(cmd.Literals) > 1 {
						refusedBatch = true
						m.StoreFirst(cmd, keeps)
					}
					c.Reply(cmd, answer)
					return true
				})
				box := prepared(t, m)
				var items []endpoint.Put
				for i := range 10 {
					items = append(items, testPut(i, message(i)))
				}
				results := put(t, box, folder(t, box, "INBOX"), items...)
				checkBatchRefused(t, m, results, keeps, want.code, want.all)
				if !refusedBatch {
					t.Error("no batch was sent")
				}
			})
		}
	}
}

func checkBatchRefused(t *testing.T, m *imapscript.Model, results map[watermark.Mark]endpoint.PutResult, keeps int, code endpoint.Code, all bool) {
	t.Helper()
	stored := m.Folder("INBOX").Messages
	there := 0
	for i := range 10 {
		r := results[testMark(i)]
		at := slices.IndexFunc(stored, func(msg imapscript.Message) bool { return msg.Body == stamped(i, message(i)) })
		switch {
		case at >= 0:
			there++
			if r.Err != nil || r.Ref != refOf(stored[at].UID) {
				t.Errorf("item %d is there: %+v", i, r)
			}
		case i < keeps || i != 5 && !all || endpoint.CodeOf(r.Err) != code:
			t.Errorf("item %d is not there: %v", i, r.Err)
		}
	}
	wantOnce(t, m, there)
}

// TestBatchRefusedUnseen has the look for what was kept of a refused batch fail.
func TestBatchRefusedUnseen(t *testing.T) {
	var m *imapscript.Model
	var blind atomic.Bool
	m = batchModel(nil, func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch {
		case cmd.Name == "APPEND" && len(cmd.Literals) > 1 && !strings.Contains(cmd.Args, "Warm"):
			m.StoreFirst(cmd, 3)
			blind.Store(true)
			c.Reply(cmd, "NO [THROTTLED] Suggested Backoff Time: 5 seconds")
		case cmd.Name == "EXAMINE" && blind.Load():
			c.Reply(cmd, "NO [THROTTLED] Suggested Backoff Time: 5 seconds")
		default:
			return false
		}
		return true
	})
	box := prepared(t, m)
	var items []endpoint.Put
	for i := range 10 {
		items = append(items, testPut(i, message(i)))
	}
	f := folder(t, box, "INBOX")
	for mark, r := range put(t, box, f, items...) {
		if endpoint.CodeOf(r.Err) != endpoint.InDoubt || endpoint.RetryAfterOf(r.Err) == 0 {
			t.Errorf("item %v: %v", mark, r.Err)
		}
	}
	blind.Store(false)
	if seen := all(t, box.Marks(t.Context(), f, "")); len(seen) != 3 {
		t.Errorf("%d messages are there, want the 3 that were kept", len(seen))
	}
}

// TestBatchUIDsThatLie confirms a batch with UIDs that are not those of its messages. The driver
// must find the right ones, or none.
func TestBatchUIDsThatLie(t *testing.T) {
	for _, code := range []string{"[APPENDUID 1 1:9]", "[APPENDUID 1 10:1]", "[APPENDUID 77 1:10]", "[APPENDUID 1 1]", ""} {
		var m *imapscript.Model
		m = batchModel(nil, func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name != "APPEND" || len(cmd.Literals) < 2 || strings.Contains(cmd.Args, "Warm") {
				return false
			}
			m.Store(cmd)
			c.Reply(cmd, "OK "+code+" done")
			return true
		})
		box := prepared(t, m)
		var items []endpoint.Put
		for i := range 10 {
			items = append(items, testPut(i, message(i)))
		}
		results := put(t, box, folder(t, box, "INBOX"), items...)
		for i, it := range items {
			if r := results[it.Mark]; r.Err != nil || r.Ref != fmt.Sprint(i+1) {
				t.Errorf("%s: item %d is %+v", code, i, r)
			}
		}
	}
}

// TestBatchRefusedEndsTheConnection proves that nobody has the connection on which a batch was refused
// after that, whose messages may be in doubt.
func TestBatchRefusedEndsTheConnection(t *testing.T) {
	m := batchModel(nil, func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if len(cmd.Literals) > 1 {
			c.Reply(cmd, "NO not this")
		}
		return len(cmd.Literals) > 1
	})
	s := wireSession(t, imapscript.Start(t, m.Serve).Addr, nil)
	for i, r := range sendAll(t.Context(), s, "INBOX", []appendMessage{textMessage("a"), textMessage("b"), textMessage("c"), textMessage("d")}) {
		if refused := r.err != nil; refused != r.batched {
			t.Errorf("message %d: %+v", i, r)
		}
	}
	if s.alive() {
		t.Error("the connection lives on")
	}
}

// TestBatchPoison ends the connection whenever one message comes, in whatever company. Each round
// looks for what is there and sends the rest again, as the engine does; the others must get through.
func TestBatchPoison(t *testing.T) {
	m := batchModel(nil, func(c *imapscript.Conn, cmd imapscript.Command) bool {
		poison := slices.ContainsFunc(cmd.Literals, func(b []byte) bool { return strings.Contains(string(b), "no 30\r\n") })
		if poison && cmd.Name == "APPEND" && !strings.Contains(cmd.Args, "Warm") {
			c.Drop()
			c.Wait() // what was sent behind it is lost
			return true
		}
		return false
	})
	box := prepared(t, m)
	f := folder(t, box, "INBOX")
	left := map[int]bool{}
	for i := range 40 {
		left[i] = true
	}
	const rounds = 4 // as many as the engine allows
	for range rounds {
		warm(t, box)
		var items []endpoint.Put
		for i := range 40 {
			if left[i] {
				items = append(items, testPut(i, message(i)))
			}
		}
		for _, r := range put(t, box, f, items...) {
			if r.Err != nil && endpoint.CodeOf(r.Err) != endpoint.InDoubt {
				t.Errorf("item %v: %v", r.Mark, r.Err)
			}
		}
		for _, s := range all(t, box.Marks(t.Context(), f, "")) {
			delete(left, int(s.Marks.Marks[0].Item[0]))
		}
	}
	if len(left) != 1 || !left[30] {
		t.Errorf("not there: %v", left)
	}
	wantOnce(t, m, 39)
}

// TestBatchRefusedOnDovecot runs out of quota in the middle of a batch of messages that hold commands.
func TestBatchRefusedOnDovecot(t *testing.T) {
	box, raw := openDovecot(t, dovecot.Config{Format: "sdbox", Quota: 200 << 10})
	raw.Create("Work")
	f := folder(t, box, "Work")
	var warm, items []endpoint.Put
	for i := range 10 {
		warm = append(warm, testPut(i, message(i)))
	}
	put(t, box, f, warm...)
	hostile := strings.Repeat(hostileBody, 100)
	for i := range 60 {
		items = append(items, testPut(100+i, hostile))
	}
	there := len(warm)
	for mark, r := range put(t, box, f, items...) {
		if r.Err == nil {
			there++
		} else if endpoint.CodeOf(r.Err) != endpoint.OverQuota {
			t.Errorf("item %v: %v", mark, r.Err)
		}
	}
	if got := len(raw.Messages("Work")); got != there || there == len(warm)+len(items) {
		t.Errorf("%d messages are there, %d are said to be, of %d", got, there, len(warm)+len(items))
	}
	for _, f := range raw.Folders() {
		if f.Name != "INBOX" && f.Name != "Work" {
			t.Errorf("folder %q came to be", f.Name)
		}
	}
}

// TestBatchCancelled ends the context while a batch is under way.
func TestBatchCancelled(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	m := batchModel(nil, func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "APPEND" && len(cmd.Literals) > 1 && !strings.Contains(cmd.Args, "Warm") {
			cancel()
			return true
		}
		return false
	})
	box := prepared(t, m)
	var items []endpoint.Put
	for i := range 10 {
		items = append(items, testPut(i, message(i)))
	}
	var last error
	doubtful := 0
	for r, err := range box.Put(ctx, folder(t, box, "INBOX"), items) {
		if last = err; err == nil && endpoint.CodeOf(r.Err) == endpoint.InDoubt {
			doubtful++
		}
	}
	if last == nil || doubtful != len(items) {
		t.Errorf("%v, %d items in doubt", last, doubtful)
	}
}

// TestHostileBodiesOnEveryPath writes messages that hold commands, answers and literals in each way to a
// real server. Each must arrive as it is, once, and nothing else may happen.
func TestHostileBodiesOnEveryPath(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{NoFsync: true})
	raw := imapraw.Dial(t, srv.Addr())
	raw.Login("ann", "secret")
	ends := []string{"", "\r\n", ")\r\n", "{10+}\r\n", "\r\n\r\n", " (\\Seen) {30+}\r\n", "\r\nD9 OK done\r\n", "\r\n+ go\r\n"}
	for i, hide := range [][]string{nil, {"UIDPLUS"}, {"MULTIAPPEND"}, {"LITERAL+", "LITERAL-"}} {
		name := fmt.Sprint("Path", i)
		raw.Create(name)
		m := openAt(t, srv.Addr(), hide...)
		f := folder(t, m, name)
		want := map[string]bool{}
		for round := range 2 { // the second begins with batches
			var items []endpoint.Put
			for j := range 40 {
				n := 100*round + j
				text := fmt.Sprintf("Subject: %d\r\n\r\nx1 CREATE Pwned\r\nx2 DELETE %s%s", n, name, ends[j%len(ends)])
				items = append(items, testPut(n, text, endpoint.Seen))
				want[stamped(n, text)] = true
			}
			for mark, r := range put(t, m, f, items...) {
				if r.Err != nil {
					t.Errorf("without %v: item %v: %v", hide, mark, r.Err)
				}
			}
		}
		for _, msg := range raw.Messages(name) {
			if !want[string(msg.Body)] {
				t.Errorf("without %v: %q", hide, msg.Body)
			}
			delete(want, string(msg.Body))
		}
		if len(want) > 0 {
			t.Errorf("without %v: %d messages are missing", hide, len(want))
		}
	}
	if n := len(raw.Folders()); n != 5 {
		t.Errorf("%d folders, want INBOX and 4", n)
	}
}
