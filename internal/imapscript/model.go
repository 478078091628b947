package imapscript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Model is a small mailbox that behaves. Set its fields before the first connection.
type Model struct {
	// Capabilities defaults to "IMAP4rev1 UIDPLUS LITERAL+ ID NAMESPACE".
	Capabilities string
	// Password, if set, is the only one that LOGIN accepts. AUTHENTICATE is left to the Hook.
	Password string
	// Hook, if set, sees each command first; true means that it has answered.
	Hook func(c *Conn, cmd Command) bool
	// BeforeLiteral goes to every Conn.
	BeforeLiteral func(line string) (refusal string)
	// OnLiteral and Rewrite go to every Conn, which they get besides.
	OnLiteral func(c *Conn, line string, size int) (gone bool)
	Rewrite   func(c *Conn, text string) string

	mu      sync.Mutex
	folders []*Folder
}

// Folder is a folder of a Model. Its name is as it stands on the wire.
type Folder struct {
	Name       string
	Attributes string // such as `\HasNoChildren \Sent`
	Validity   uint32
	UIDNext    uint32
	Messages   []Message
}

// Message is a message of a Folder.
type Message struct {
	UID   uint32
	Flags string // such as `\Seen $Forwarded`
	Date  string // as INTERNALDATE shows it
	Body  string
}

// Add makes a folder with messages of these bodies, or adds them to it.
func (m *Model) Add(name string, bodies ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.find(name)
	if f == nil {
		f = &Folder{Name: name, Validity: 1, UIDNext: 1}
		m.folders = append(m.folders, f)
	}
	for _, b := range bodies {
		f.add(Message{Body: b, Date: "01-Feb-2003 04:05:06 +0000"})
	}
}

// Edit calls edit with a folder, or with nil if there is none of the name, under the lock.
func (m *Model) Edit(name string, edit func(f *Folder)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(m.find(name))
}

// Folder returns a copy of a folder; its name is empty if there is none.
func (m *Model) Folder(name string) Folder {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.find(name)
	if f == nil {
		return Folder{}
	}
	c := *f
	c.Messages = slices.Clone(f.Messages)
	return c
}

func (m *Model) find(name string) *Folder {
	for _, f := range m.folders {
		if f.Name == name || strings.EqualFold(name, "INBOX") && strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

func (f *Folder) add(msg Message) uint32 {
	msg.UID = f.UIDNext
	f.UIDNext++
	f.Messages = append(f.Messages, msg)
	return msg.UID
}

func (m *Model) capabilities() string {
	if m.Capabilities != "" {
		return m.Capabilities
	}
	return "IMAP4rev1 UIDPLUS LITERAL+ ID NAMESPACE"
}

// Serve speaks to one client until it leaves. It is a script for [Start].
func (m *Model) Serve(c *Conn) {
	m.prepare(c)
	c.Send("* OK [CAPABILITY " + m.capabilities() + "] ready")
	m.Commands(c)
}

func (m *Model) prepare(c *Conn) {
	c.BeforeLiteral = m.BeforeLiteral
	if m.OnLiteral != nil {
		c.OnLiteral = func(line string, size int) bool { return m.OnLiteral(c, line, size) }
	}
	if m.Rewrite != nil {
		c.Rewrite = func(text string) string { return m.Rewrite(c, text) }
	}
}

// Store does what an APPEND asks for and answers nothing.
func (m *Model) Store(cmd Command) { m.store(cmd, func(int, Message) bool { return true }) }

// StoreFirst is Store for no more than the first n messages of an APPEND, against RFC 3502.
func (m *Model) StoreFirst(cmd Command, n int) {
	m.store(cmd, func(i int, _ Message) bool { return i < n })
}

// StoreAllBut is Store for the messages whose body does not hold a text, against RFC 3502.
func (m *Model) StoreAllBut(cmd Command, text string) {
	m.store(cmd, func(_ int, msg Message) bool { return !strings.Contains(msg.Body, text) })
}

func (m *Model) store(cmd Command, which func(i int, msg Message) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.find(cmd.Strings()[0])
	if f == nil {
		return
	}
	for i, msg := range cmd.Messages() {
		if which(i, msg) {
			f.add(msg)
		}
	}
}

// Commands is Serve without the greeting.
func (m *Model) Commands(c *Conn) {
	m.prepare(c)
	s := &modelSession{Model: m, Conn: c}
	for {
		cmd, ok := c.Read()
		if !ok {
			return
		}
		if m.Hook != nil && m.Hook(c, cmd) {
			continue
		}
		s.answer(cmd)
		if cmd.Name == "LOGOUT" {
			return
		}
	}
}

type modelSession struct {
	*Model
	*Conn
	selected string
}

func (s *modelSession) answer(cmd Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	args := cmd.Strings()
	switch cmd.Name {
	case "CAPABILITY":
		s.Send("* CAPABILITY " + s.capabilities())
	case "LOGIN":
		if s.Password != "" && (len(args) < 2 || args[1] != s.Password) {
			s.Reply(cmd, "NO [AUTHENTICATIONFAILED] no")
			return
		}
	case "ID":
		s.Send(`* ID ("name" "imapscript")`)
	case "NAMESPACE":
		s.Send(`* NAMESPACE (("" "/")) NIL NIL`)
	case "LIST", "LSUB":
		s.list(cmd.Name, args)
	case "LOGOUT":
		s.Send("* BYE")
	case "NOOP", "UNSELECT", "CLOSE", "CHECK":
	case "STATUS", "SELECT", "EXAMINE", "CREATE", "DELETE", "APPEND":
		s.folderCommand(cmd, args)
		return
	case "UID SEARCH", "UID FETCH":
		s.messageCommand(cmd, args)
		return
	default:
		s.Reply(cmd, "BAD unknown command")
		return
	}
	s.Reply(cmd, "OK done")
}

func (s *modelSession) list(name string, args []string) {
	if len(args) > 1 && args[1] == "" { // RFC 9051 section 6.3.9: the hierarchy delimiter only
		s.Send("* " + name + ` (\Noselect) "/" ""`)
		return
	}
	for _, f := range s.folders {
		s.Send(fmt.Sprintf(`* %s (%s) "/" "%s"`, name, f.Attributes, f.Name))
	}
}

func (s *modelSession) folderCommand(cmd Command, args []string) {
	if len(args) == 0 {
		s.Reply(cmd, "BAD a folder is missing")
		return
	}
	f := s.find(args[0])
	switch {
	case cmd.Name == "CREATE" && f == nil:
		s.folders = append(s.folders, &Folder{Name: args[0], Validity: uint32(len(s.folders) + 1), UIDNext: 1})
	case cmd.Name == "CREATE":
		s.Reply(cmd, "NO [ALREADYEXISTS] there is one")
		return
	case f == nil && cmd.Name == "APPEND":
		s.Reply(cmd, "NO [TRYCREATE] no such folder")
		return
	case f == nil:
		s.Reply(cmd, "NO [NONEXISTENT] no such folder")
		return
	case cmd.Name == "DELETE":
		s.folders = slices.DeleteFunc(s.folders, func(g *Folder) bool { return g == f })
	case cmd.Name == "STATUS":
		s.Send(fmt.Sprintf(`* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY %d)`, f.Name, len(f.Messages), f.UIDNext, f.Validity))
	case cmd.Name == "APPEND":
		s.append(cmd, f)
		return
	default:
		s.selectFolder(cmd, f)
		return
	}
	s.Reply(cmd, "OK done")
}

// append stores all messages of an APPEND, of which MULTIAPPEND allows more than one.
func (s *modelSession) append(cmd Command, f *Folder) {
	messages := cmd.Messages()
	if len(messages) == 0 || len(messages) > 1 && !strings.Contains(s.capabilities(), "MULTIAPPEND") {
		s.Reply(cmd, "BAD one message is expected")
		return
	}
	first := f.UIDNext
	for _, msg := range messages {
		f.add(msg)
	}
	set := strconv.FormatUint(uint64(first), 10)
	if len(messages) > 1 {
		set += ":" + strconv.FormatUint(uint64(f.UIDNext-1), 10)
	}
	s.Reply(cmd, fmt.Sprintf("OK [APPENDUID %d %s] stored", f.Validity, set))
}

// Messages are the messages of an APPEND (RFC 3502): flags, date and literal of each.
func (cmd Command) Messages() (list []Message) {
	rest := cmd.Args
	for _, literal := range cmd.Literals {
		at := strings.Index(rest, "{"+strconv.Itoa(len(literal))) // in flags, names and dates it cannot be
		if at < 0 {
			return list
		}
		head := rest[:at]
		rest = rest[at+1:]
		rest = rest[strings.IndexByte(rest, '}')+1:]
		msg := Message{Date: "01-Feb-2003 04:05:06 +0000", Body: string(literal)}
		if _, flags, found := strings.Cut(head, "("); found {
			msg.Flags, _, _ = strings.Cut(flags, ")")
		}
		if quoted := strings.Split(head, `"`); len(quoted) > 2 && strings.Count(quoted[len(quoted)-2], ":") == 2 {
			msg.Date = quoted[len(quoted)-2]
		}
		list = append(list, msg)
	}
	return list
}

func (s *modelSession) selectFolder(cmd Command, f *Folder) {
	s.selected = f.Name
	s.Send(`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`,
		`* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] any`,
		fmt.Sprintf("* %d EXISTS", len(f.Messages)), "* 0 RECENT",
		fmt.Sprintf("* OK [UIDVALIDITY %d] valid", f.Validity),
		fmt.Sprintf("* OK [UIDNEXT %d] next", f.UIDNext))
	if cmd.Name == "EXAMINE" {
		s.Reply(cmd, "OK [READ-ONLY] done")
		return
	}
	s.Reply(cmd, "OK [READ-WRITE] done")
}

func (s *modelSession) messageCommand(cmd Command, args []string) {
	f := s.find(s.selected)
	if f == nil {
		s.Reply(cmd, "BAD no folder is selected")
		return
	}
	if cmd.Name == "UID SEARCH" {
		line := []byte("* SEARCH")
		for _, m := range f.Messages {
			line = fmt.Appendf(line, " %d", m.UID)
		}
		s.Send(string(line))
	} else {
		for i, m := range f.Messages {
			if inSet(args[0], m.UID) {
				s.SendRaw(m.fetched(i+1, strings.ToUpper(cmd.Args)))
			}
		}
	}
	s.Reply(cmd, "OK done")
}

// fetched is the FETCH response with those of the items that it knows.
func (m Message) fetched(seq int, items string) string {
	out := fmt.Sprintf("* %d FETCH (UID %d", seq, m.UID)
	if strings.Contains(items, "FLAGS") {
		out += " FLAGS (" + m.Flags + ")"
	}
	if strings.Contains(items, "INTERNALDATE") {
		out += ` INTERNALDATE "` + m.Date + `"`
	}
	if strings.Contains(items, "RFC822.SIZE") {
		out += " RFC822.SIZE " + strconv.Itoa(len(m.Body))
	}
	if strings.Contains(items, "BODY.PEEK[]") {
		out += " BODY[] " + Literal(m.Body)
	}
	if at := strings.Index(items, "BODY.PEEK[HEADER"); at >= 0 {
		header, _, _ := strings.Cut(m.Body, "\r\n\r\n")
		section := items[at+len("BODY.PEEK") : at+strings.IndexByte(items[at:], ']')+1]
		out += " BODY" + section + " " + Literal(header+"\r\n\r\n")
	}
	return out + ")\r\n"
}

// inSet reports whether a UID set such as 1:3,7:* holds a UID.
func inSet(set string, uid uint32) bool {
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, span := strings.Cut(part, ":")
		if !span {
			hi = lo
		}
		if number(lo) <= uid && uid <= number(hi) {
			return true
		}
	}
	return false
}

func number(s string) uint32 {
	if s == "*" {
		return ^uint32(0)
	}
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}
