package endtoend_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/internal/prove"
)

// wireFaults are all that TestProveWireFaults tries; in the short form, some of the many stray lines.
func wireFaults() []wireFault {
	var stray []wireFault
	for i, f := range strayFaults() {
		if prove.Long() || i%7 == 0 {
			stray = append(stray, f)
		}
	}
	return slices.Concat(cutFaults(), putFaults(), bodyFaults(), byeFaults(), silentFaults(), refusalFaults(),
		sizeFaults(), stray, replyFaults())
}

const short = 400 * time.Millisecond

func hooked(times int, want func(imapscript.Command) bool, act func(*imapscript.Conn, imapscript.Command)) func(*faultyModel) {
	return func(m *faultyModel) { m.on(times, want, act) }
}

// greeting deals with the connections beyond those that are borne at once.
func greeting(borne int, act func(c *imapscript.Conn)) func(*faultyModel) {
	return func(m *faultyModel) {
		m.greet = func(c *imapscript.Conn, n int) bool {
			if n <= borne {
				return false
			}
			act(c)
			return true
		}
	}
}

// cutFaults break the connection at or before each command, once and always.
func cutFaults() (all []wireFault) {
	for _, on := range []side{source, destination} {
		name := []string{"source", "destination"}[on]
		all = append(all,
			wireFault{
				name: name + ": cut before the first greeting", on: on, timeout: short,
				install: greeting(0, func(c *imapscript.Conn) { c.Drop() }), stops: endpoint.Unavailable,
			},
			wireFault{
				name: name + ": cut before the greeting of a second connection", on: on, connections: 3,
				install: greeting(1, func(c *imapscript.Conn) { c.Drop() }),
			},
			wireFault{
				name: name + ": cut within the greeting", on: on, timeout: short,
				install: greeting(0, func(c *imapscript.Conn) { c.SendRaw("* OK [CAPAB"); c.Drop() }), stops: endpoint.Unavailable,
			},
			wireFault{
				name: name + ": cut in every LOGIN", on: on, timeout: short,
				install: hooked(always, named("LOGIN"), drop), stops: endpoint.Unavailable,
			})
		for _, command := range []string{"NAMESPACE", "LIST", "STATUS", "EXAMINE", "UID SEARCH", "UID FETCH"} {
			all = append(all,
				wireFault{
					name: name + ": cut once at " + command, on: on,
					install: hooked(1, named(command), drop),
				},
				wireFault{
					name: name + ": cut within the answer to " + command, on: on,
					install: hooked(1, named(command), func(c *imapscript.Conn, _ imapscript.Command) { c.SendRaw("* 1 FE"); c.Drop() }),
				})
		}
		for _, command := range []string{"LIST", "STATUS", "UID SEARCH"} {
			if on == destination && command == "UID SEARCH" {
				continue // an empty folder is not searched
			}
			all = append(all, wireFault{
				name: name + ": cut at every " + command, on: on, timeout: short,
				install: hooked(always, named(command), drop), stops: endpoint.Unavailable,
			})
		}
	}
	for _, command := range []string{"CREATE", "SELECT", "DELETE"} {
		all = append(all, wireFault{
			name: "destination: cut once at " + command, on: destination,
			install: hooked(1, named(command), drop),
		})
	}
	return all
}

// literals deals with the literals of real messages as they are announced.
func literals(times int, act func(c *imapscript.Conn, size int)) func(*faultyModel) {
	return func(m *faultyModel) {
		n := 0 // one connection at a time appends
		m.OnLiteral = func(c *imapscript.Conn, line string, size int) bool {
			if !m.active.Load() || !strings.Contains(line, "APPEND") || strings.Contains(line, "canary") || n >= times {
				return false
			}
			n++
			act(c, size)
			return true
		}
	}
}

// putFaults break the connection at each point of an APPEND.
func putFaults() (all []wireFault) {
	for _, caps := range []string{"IMAP4rev1", "IMAP4rev1 UIDPLUS", "IMAP4rev1 UIDPLUS LITERAL+", "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND"} {
		with := func(install func(*faultyModel)) func(*faultyModel) {
			return func(m *faultyModel) { m.Capabilities = caps; install(m) }
		}
		landed := func(m *faultyModel) func(c *imapscript.Conn, cmd imapscript.Command) {
			return func(c *imapscript.Conn, cmd imapscript.Command) { m.Store(cmd); c.Drop() }
		}
		all = append(all,
			wireFault{name: caps + ": cut instead of the permission", install: with(literals(1, func(c *imapscript.Conn, _ int) { c.Drop() }))},
			wireFault{name: caps + ": cut between + and body", install: with(literals(1, func(c *imapscript.Conn, _ int) {
				c.Send("+ go on")
				c.Drop()
			}))},
			wireFault{name: caps + ": cut within the literal", install: with(literals(1, func(c *imapscript.Conn, size int) {
				c.Send("+ go on")
				c.Bytes(size / 2)
				c.Drop()
			}))},
			wireFault{name: caps + ": cut after the body, not landed", install: with(hooked(1, appending(""), drop))},
			wireFault{name: caps + ": cut after the body, landed", install: with(func(m *faultyModel) { m.on(1, appending(""), landed(m)) })},
			wireFault{name: caps + ": every answer lost, all landed", install: with(func(m *faultyModel) { m.on(always, appending(""), landed(m)) })},
			wireFault{
				name: caps + ": one message is swallowed", fails: endpoint.Unconfirmed,
				install: with(func(m *faultyModel) {
					m.on(1, appending(victim), func(c *imapscript.Conn, cmd imapscript.Command) {
						m.StoreAllBut(cmd, victim)
						refuse("OK stored, or so I say")(c, cmd)
					})
				}),
			},
			wireFault{name: caps + ": refused, and half a batch kept", fails: endpoint.Rejected, install: with(func(m *faultyModel) {
				m.on(always, appending(victim), func(c *imapscript.Conn, cmd imapscript.Command) {
					if len(cmd.Literals) > 1 {
						m.StoreFirst(cmd, holds(cmd, victim))
					}
					refuse("NO not this one")(c, cmd)
				})
			})},
			wireFault{
				name: caps + ": cut whenever one message is written", fails: endpoint.InDoubt,
				install: with(hooked(always, appending(victim), drop)),
			})
	}
	for i := range all {
		all[i].on = destination
	}
	return all
}

// bodyFaults break off in what the source serves.
func bodyFaults() []wireFault {
	half := func(c *imapscript.Conn, _ imapscript.Command) {
		c.SendRaw("* 1 FETCH (UID 1 BODY[] {300}\r\nFrom: " + plantedSender + "\r\nMess")
		c.Drop()
	}
	// cutVictim breaks off after some bytes of the victim's literal, whenever it is served.
	cutVictim := func(share int) func(m *faultyModel) {
		return func(m *faultyModel) {
			m.Rewrite = func(c *imapscript.Conn, text string) string {
				before, body, _ := strings.Cut(text, "BODY[] {")
				if !m.active.Load() || !strings.Contains(body, victim) {
					return text
				}
				c.Rewrite = nil
				c.SendRaw(before + "BODY[] {" + body[:len(body)*share/100])
				c.Drop()
				return ""
			}
		}
	}
	return []wireFault{
		{name: "source: cut once within a body", install: hooked(1, fetching("BODY.PEEK[]"), half)},
		{name: "source: cut at the beginning of one body, always", install: cutVictim(5), fails: endpoint.Damaged},
		{name: "source: cut in the middle of one body, always", install: cutVictim(50), fails: endpoint.Damaged},
		{name: "source: cut at the end of one body, always", install: cutVictim(99), fails: endpoint.Damaged},
	}
}

// byeFaults have a server say goodbye.
func byeFaults() (all []wireFault) {
	for _, text := range []string{
		"Session expired, please login again", "[UNAVAILABLE] shutting down", "[INUSE] too many connections",
		"Request is throttled. Suggested Backoff Time: 1200 milliseconds", "[THROTTLED] slow down", "",
	} {
		for _, on := range []side{source, destination} {
			name := fmt.Sprintf("%s: BYE %s", []string{"source", "destination"}[on], text)
			all = append(all,
				wireFault{name: name + ", at STATUS", on: on, install: hooked(1, named("STATUS"), bye(text))},
				wireFault{name: name + ", at FETCH", on: on, install: hooked(1, named("UID FETCH"), bye(text))},
				wireFault{
					name: name + ", to a second connection", on: on, connections: 3,
					install: greeting(1, func(c *imapscript.Conn) { c.Send("* BYE " + text); c.Finish() }),
				})
		}
		all = append(all, wireFault{name: "destination: BYE " + text + ", after a body", on: destination, install: hooked(1, appending(""), bye(text))})
	}
	return all
}

// silentFaults have a server say nothing more.
func silentFaults() (all []wireFault) {
	for _, on := range []side{source, destination} {
		name := []string{"source", "destination"}[on]
		for _, command := range []string{"LIST", "STATUS", "EXAMINE", "UID FETCH"} {
			all = append(all, wireFault{
				name: name + ": silence once at " + command, on: on, timeout: short,
				install: hooked(1, named(command), silent),
			})
		}
		all = append(all,
			wireFault{
				name: name + ": silence instead of a greeting", on: on, timeout: short,
				install: greeting(0, func(c *imapscript.Conn) { c.Wait() }), stops: endpoint.Unavailable,
			},
			wireFault{
				name: name + ": silence at every LOGIN", on: on, timeout: short,
				install: hooked(always, named("LOGIN"), silent), stops: endpoint.Unavailable,
			},
			wireFault{
				name: name + ": silence at every STATUS", on: on, timeout: short,
				install: hooked(always, named("STATUS"), silent), stops: endpoint.Unavailable,
			})
	}
	return append(all, wireFault{
		name: "destination: silence after a body", on: destination, timeout: short,
		install: hooked(1, appending(""), silent),
	})
}

// refusalFaults have a server say NO or BAD.
func refusalFaults() (all []wireFault) {
	put := func(status string, fails, stops endpoint.Code) wireFault {
		return wireFault{
			name: "destination: one message is answered with " + status, on: destination, fails: fails, stops: stops,
			install: hooked(always, appending(victim), refuse(status)),
		}
	}
	const none = endpoint.Unknown
	return []wireFault{
		put("NO not this one", endpoint.Rejected, none),
		put("NO [CANNOT] not this one", endpoint.Rejected, none),
		put("NO [LIMIT] too much of it", endpoint.TooLarge, none),
		put("NO [TOOBIG] too much of it", endpoint.TooLarge, none),
		put("NO [NOPERM] you may not", endpoint.Denied, none),
		put("BAD I do not understand", endpoint.Rejected, none),
		put("NO [OVERQUOTA] full", none, endpoint.OverQuota),
		put("NO [EXPIRED] log in again", none, endpoint.Unauthenticated),
		put("NO [UNAVAILABLE] for now", none, endpoint.Unavailable),
		{
			name: "destination: NO [THROTTLED] once", on: destination,
			install: hooked(1, appending(victim), refuse("NO [THROTTLED] Suggested Backoff Time: 200 milliseconds")),
		},
		{
			name: "destination: NO [UNAVAILABLE] once", on: destination,
			install: hooked(1, appending(victim), refuse("NO [UNAVAILABLE] for a moment")),
		},
		{
			name: "source: LOGIN is refused", on: source, stops: endpoint.Unauthenticated,
			install: hooked(always, named("LOGIN"), refuse("NO [AUTHENTICATIONFAILED] no")),
		},
		{
			name: "destination: CREATE is refused", on: destination, stops: endpoint.Denied,
			install: hooked(always, named("CREATE"), refuse("NO [NOPERM] no")),
		},
	}
}

// sizeFaults have the source lie about sizes.
func sizeFaults() (all []wireFault) {
	size := "RFC822.SIZE "
	for _, lie := range []string{"1", "0", "9", "-", "4294967295", "18446744073709551615 "} {
		all = append(all, wireFault{name: "source: RFC822.SIZE begins with " + lie, install: rewriting(size, size+lie)})
	}
	literal := func(change int) func(m *faultyModel) {
		return func(m *faultyModel) {
			m.Rewrite = func(_ *imapscript.Conn, text string) string {
				if !m.active.Load() || !strings.Contains(text, "BODY[] {") || !strings.Contains(text, victim) {
					return text
				}
				before, rest, _ := strings.Cut(text, "BODY[] {")
				digits, rest, _ := strings.Cut(rest, "}")
				var n int
				_, _ = fmt.Sscan(digits, &n)
				return fmt.Sprintf("%sBODY[] {%d}%s", before, n+change, rest)
			}
		}
	}
	body := func(with string) func(m *faultyModel) {
		return func(m *faultyModel) {
			m.Rewrite = func(_ *imapscript.Conn, text string) string {
				before, rest, ok := strings.Cut(text, "BODY[] {")
				if !ok || !m.active.Load() || !strings.Contains(rest, victim) {
					return text
				}
				return before + "BODY[] " + with + ")\r\n"
			}
		}
	}
	return append(all,
		wireFault{name: "source: a literal shorter than it says", install: literal(7), timeout: short, fails: endpoint.Damaged},
		wireFault{name: "source: a literal much shorter than it says", install: literal(1 << 20), timeout: short, fails: endpoint.Damaged},
		wireFault{name: "source: a literal longer than it says", install: literal(-9), fails: endpoint.Damaged},
		wireFault{name: "source: NIL for a body", install: body("NIL"), fails: endpoint.Damaged},
		wireFault{name: "source: an empty body", install: body(`""`), fails: endpoint.Damaged},
		wireFault{name: "source: an empty literal", install: body("{0}\r\n"), fails: endpoint.Damaged},
	)
}

// strayFaults send each odd line before the end of each command.
func strayFaults() (all []wireFault) {
	stray := []string{
		"* VANISHED 1:3", "* LSUB () \"/\" x", "* XLIST (\\Inbox) \"/\" x", "* NOOP", "", "*", "* ", "* X-UNKNOWN (a \"b\" {3}\r\nabc)",
		"*  OK  two spaces", "* OK [Error=\"a ] b\"] quoted", "* OK [open", "* OK", "* NO [ALERT] over there", "* BAD what",
		"* CAPABILITY IMAP4rev2 (", "* FLAGS NIL", "* FLAGS (a]b \"q\")", "* 1 FETCH (FLAGS (\\Seen a]b))", "* 9 RECENT",
		"* 1 FETCH (FLAGS NIL X-GM-MSGID 12 EMAILID (M1))", "* OK [UIDVALIDITY 99999999999999] x", "* STATUS other (MESSAGES 1)",
		"* ESEARCH (TAG \"zzz\")", "* 99999999999999999999 EXISTS", "* 0 EXPUNGE", "+ idling", "* " + strings.Repeat("long ", 5000),
		"* NAMESPACE NIL NIL NIL", "* ID NIL", "* QUOTA \"\" (STORAGE 1 2)", "* ENABLED X",
	}
	commands := map[side][]string{
		source:      {"LIST", "STATUS", "EXAMINE", "UID SEARCH", "UID FETCH"},
		destination: {"LIST", "STATUS", "SELECT", "APPEND", "UID FETCH", "CREATE", "DELETE"},
	}
	for _, on := range []side{source, destination} {
		for _, command := range commands[on] {
			for _, line := range stray {
				all = append(all, wireFault{
					name: fmt.Sprintf("%s: %s after %.30q", []string{"source", "destination"}[on], command, line), on: on,
					install: func(m *faultyModel) {
						m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
							if m.active.Load() && cmd.Name == command {
								c.Send(line)
							}
							return false
						}
					},
				})
			}
		}
	}
	return all
}

// replyFaults spoil parts of answers.
func replyFaults() (all []wireFault) {
	const date = `INTERNALDATE "01-Feb-2003 04:05:06 +0000"`
	spoil := []struct{ old, with string }{
		{date, `INTERNALDATE "00-Jan-1900 00:00:00 +0000"`},
		{date, `INTERNALDATE NIL`},
		{date, `INTERNALDATE "01-Feb-03 04:05:06 +0000"`},
		{date, `INTERNALDATE "01-Feb-2003 04:05:06 GMT"`},
		{date, `INTERNALDATE "01-Jan-0001 00:00:00 +0000"`},
		{date, `INTERNALDATE ""`},
		{"FLAGS ()", "FLAGS NIL"},
		{"FLAGS ()", `FLAGS (a]b "quoted" \Seen)`},
		{"FLAGS ()", `FLAGS ( \Seen  \Flagged )`},
		{"FLAGS ()", "FLAGS (f\xfcr)"},
		{" FETCH (UID", "  FETCH  ( UID"},
		{" FETCH (UID", " FETCH(UID"},
		{" FETCH (UID", " FETCH (X-GM-LABELS (a \"b c\") UID"},
		{" FETCH (UID", " FETCH (MODSEQ (0) EMAILID (M) THREADID NIL SAVEDATE NIL UID"},
		{"BODY[] {", "BODY[]{"},
		{"BODY[] {", "body[] {"},
		{")\r\n", " )\r\n"},
		{"* LIST () \"/\" \"Work\"", "* LIST () \"/\" Work"},
		{"* LIST () \"/\" \"Work\"", "* LIST (  \\HasNoChildren  \\X  ) \"/\" {4}\r\nWork"},
		{"* LIST () \"/\" \"Work\"", "*  LIST () \"/\"  \"Work\""},
		{"* LIST () \"/\" \"Work\"", "* LIST (\\Noselect) \"/\" bad&name\r\n* LIST () \"/\" \"Work\""},
		{"* LIST () \"/\" \"Work\"", "* LIST () \"\" \"Work\""},
		{"* LIST () \"/\" \"Work\"", "* LIST () NIL \"Work\""},
		{"* NAMESPACE", "* NAMESPACE NIL NIL NIL\r\n* X"},
		{"* STATUS \"Work\"", "* STATUS Work"},
		{"* STATUS \"Work\" (", "* STATUS \"Work\" (X-ODD 7 "},
		{"* SEARCH", "* SEARCH "},
		{"* OK [UIDNEXT", "* OK [X-UIDNEXT"},
		{"* FLAGS (\\Answered", "* FLAGS (a]b \"q\" \\Answered"},
		{"[PERMANENTFLAGS (", "[PERMANENTFLAGS (a]b "},
	}
	for _, on := range []side{source, destination} {
		for _, s := range spoil {
			all = append(all, wireFault{
				name: fmt.Sprintf("%s: %.40q for %.40q", []string{"source", "destination"}[on], s.with, s.old), on: on,
				install: rewriting(s.old, s.with),
			})
		}
		name := []string{"source", "destination"}[on]
		all = append(all,
			wireFault{name: name + ": bare LF for CRLF", on: on, install: func(m *faultyModel) {
				m.Rewrite = func(_ *imapscript.Conn, text string) string {
					if strings.Contains(text, "{") || !m.active.Load() {
						return text // what is in literals is not for this to change
					}
					return strings.ReplaceAll(text, "\r\n", "\n")
				}
			}},
			wireFault{
				name: name + ": LIST with NIL for a list", on: on, stops: endpoint.Damaged,
				install: rewriting(`* LIST () "/" "Work"`, `* LIST NIL "/" Work`),
			},
			wireFault{
				name: name + ": a folder is listed that is not there", on: on,
				// What is not known of the source fails alone; nothing may be unknown of the destination.
				failsFolder: map[side]endpoint.Code{source: endpoint.NotFound}[on],
				stops:       map[side]endpoint.Code{destination: endpoint.NotFound}[on],
				install:     rewriting(`* LIST () "/" "Work"`, "* LIST () \"/\" bad&name\r\n* LIST () \"/\" \"Work\""),
			})
	}
	return all
}
