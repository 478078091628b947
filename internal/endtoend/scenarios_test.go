package endtoend_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// chapter is what one user lived through.
type chapter struct {
	name string
	live func(*town)
}

// tell runs the chapters on two servers that they share, a user each.
func tell(t *testing.T, chapters []chapter) {
	t.Helper()
	town := newTown(t, len(chapters))
	for _, c := range chapters {
		t.Run(c.name, func(t *testing.T) {
			town.t = t
			c.live(town)
		})
	}
}

// TestScenarios is what users do between two passes, and what a delta with no policy makes of it.
func TestScenarios(t *testing.T) {
	tell(t, []chapter{
		{"new mail comes in the delta", func(town *town) {
			w := town.migrated()
			w.deliver("INBOX", 3)
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 11, Migrated: 3, Already: 8})
			w.same("INBOX")
			w.quiet(pass.Options{}, pass.Counts{Listed: 11, Already: 11})
		}},
		{"copied item comes as another", func(town *town) {
			w := town.migrated()
			w.a.Copy("INBOX", w.here("INBOX")[0], "Work")
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 9, Migrated: 1, Already: 8})
			w.same("INBOX")
			w.same("Work")
			w.quiet(pass.Options{}, pass.Counts{Listed: 9, Already: 9})
		}},
		{"moved item is there twice", func(town *town) {
			w := town.migrated()
			w.a.Move("INBOX", w.here("INBOX")[0], "Work")
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 8, Migrated: 1, Already: 7})
			w.same("Work")
			w.holds("INBOX", 8)
			w.quiet(pass.Options{}, pass.Counts{Listed: 8, Already: 8})
		}},
		{"deleted item comes from the trash", func(town *town) {
			w := town.migrated()
			w.a.Move("INBOX", w.here("INBOX")[0], "Trash")
			o := pass.Options{Select: pass.Selection{NotRoles: []endpoint.Role{endpoint.Trash}}}
			want(w.t, w.run(o), pass.Counts{Listed: 8, Already: 7, Filtered: 1})
			w.holds("Trash", 0)
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 8, Migrated: 1, Already: 7})
			w.same("Trash")
			w.holds("INBOX", 8)
		}},
		{"permanently deleted item stays", func(town *town) {
			w := town.migrated()
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			w.quiet(pass.Options{}, pass.Counts{Listed: 7, Already: 7})
			w.holds("INBOX", 8)
		}},
		{"read state is not carried over", func(town *town) {
			w := town.migrated()
			w.a.StoreFlags("INBOX", w.here("INBOX")[0], "+FLAGS", `\Seen`)
			w.quiet(pass.Options{}, pass.Counts{Listed: 8, Already: 8})
		}},
		{"several jobs share the ledger", func(town *town) {
			w := town.world()
			w.deliver("Work", 2)
			of := func(p pass.Pattern) pass.Options {
				return pass.Options{Select: pass.Selection{Include: []pass.Pattern{p}}}
			}
			want(w.t, w.planned(of("INBOX")), pass.Counts{Listed: 10, Migrated: 8, Filtered: 2})
			want(w.t, w.planned(of("Work")), pass.Counts{Listed: 10, Migrated: 2, Filtered: 8})
			w.quiet(pass.Options{}, pass.Counts{Listed: 10, Already: 10})
			w.same("INBOX")
			w.same("Work")
		}},
		{"time filter removed later", func(town *town) {
			w := town.world()
			w.deliverAt("INBOX", " 1-Mar-2020 12:00:00 +0000")
			since := func(year int) pass.Options {
				return pass.Options{Select: pass.Selection{Since: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}}
			}
			want(w.t, w.planned(since(2026)), pass.Counts{Listed: 9, Migrated: 8, Filtered: 1, OutOfWindow: 1})
			want(w.t, w.planned(since(2019)), pass.Counts{Listed: 9, Migrated: 1, Already: 8})
			w.quiet(pass.Options{}, pass.Counts{Listed: 9, Already: 9})
			w.same("INBOX")
		}},
	})
}

// TestKinds is each kind of pass between two servers.
func TestKinds(t *testing.T) {
	tell(t, []chapter{
		{"pre-stage then full moves nothing twice", preStageThenFull},
		{"pre-stage by date of sending", preStageBySent},
		{"failed item comes in the next delta", func(town *town) {
			w := town.failing()
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 8, Migrated: 1, Already: 7})
			w.same("INBOX")
		}},
		{"retry takes only failures", retryTakesOnlyFailures},
		{"retry closes what vanished", func(town *town) {
			w := town.failing()
			w.a.Expunge("INBOX", w.here("INBOX")[2])
			retry := pass.Options{Kind: pass.RetryFailed}
			want(w.t, w.planned(retry), pass.Counts{Listed: 1, Vanished: 1})
			w.refused(retry, pass.ErrNothingFailed)
		}},
		{"retry is refused after a cut", func(town *town) {
			w := town.failing()
			w.deliver("INBOX", 5)
			w.cut(pass.Options{}, 2)
			w.refused(pass.Options{Kind: pass.RetryFailed}, pass.ErrNothingFailed)
		}},
		{"start after completion moves nothing", func(town *town) {
			w := town.migrated()
			w.quiet(pass.Options{Kind: pass.Full}, pass.Counts{Listed: 8, Already: 8})
			w.deliver("INBOX", 1)
			w.quiet(pass.Options{Kind: pass.Resume}, pass.Counts{})
		}},
		{"resume goes on after a cut", func(town *town) {
			w := town.world()
			w.cut(pass.Options{}, 3)
			want(w.t, w.run(pass.Options{Kind: pass.Resume}), pass.Counts{Listed: 8, Already: 3, Migrated: 5})
			w.same("INBOX")
		}},
		{"emptied target stays empty, and fills on a reset", func(town *town) {
			w := town.emptied()
			w.quiet(pass.Options{}, pass.Counts{Listed: 8, RemovedAtDestination: 8})
			w.reset(store.ResetAll, 8, 8)
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 8, Migrated: 8})
			w.same("INBOX")
		}},
		{"emptied target fills on a rebuild", func(town *town) {
			w := town.emptied()
			want(w.t, w.planned(pass.Options{Kind: pass.Rebuild}), pass.Counts{Listed: 8, Migrated: 8})
			w.same("INBOX")
		}},
		{"rebuild into a full target doubles exactly once", func(town *town) {
			w := town.migrated()
			want(w.t, w.planned(pass.Options{Kind: pass.Rebuild}), pass.Counts{Listed: 8, Migrated: 8, Duplicates: 8})
			w.twice("INBOX")
			w.quiet(pass.Options{}, pass.Counts{Listed: 8, Already: 8})
		}},
		{"rebuild that was cut goes on without doubles", func(town *town) {
			w := town.migrated()
			w.cut(pass.Options{Kind: pass.Rebuild}, 3)
			want(w.t, w.run(pass.Options{}), pass.Counts{Listed: 8, Already: 3, Migrated: 5, Duplicates: 5})
			w.twice("INBOX")
			w.quiet(pass.Options{}, pass.Counts{Listed: 8, Already: 8})
		}},
		{"trial takes a few of each folder", func(town *town) {
			w := town.world()
			w.a.Create("Empty")
			w.deliver("Work", 2)
			o := pass.Options{Kind: pass.Trial, Trial: pass.TrialLimits{Items: 3}}
			want(w.t, w.planned(o), pass.Counts{Listed: 10, Migrated: 5, Filtered: 5})
			w.holds("Empty", 0)
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 10, Migrated: 5, Already: 5})
			w.same("INBOX")
		}},
		{"domain switch moves nothing twice", func(town *town) { domainSwitch(town, false) }},
		{"rebind after a domain switch moves nothing twice", func(town *town) { domainSwitch(town, true) }},
		{"mailbox with content is not touched", mailboxWithContent},
		{"trusted database spares the scan", func(town *town) {
			w := town.migrated()
			w.deliver("INBOX", 1)
			want(w.t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 9, Already: 8, Migrated: 1})
			w.must(os.RemoveAll(w.state)) // what is lost is not trusted
			want(w.t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 9, Already: 9, Healed: 9})
		}},
		{"folder that cannot be opened fails alone", func(town *town) {
			w := town.world()
			w.deliver("Work", 2)
			r := w.faulty("before denied on side=src method=list folder=Work; before denied on side=src method=outline folder=Work; before denied on side=src method=refs folder=Work", pass.Options{})
			want(w.t, r, pass.Counts{Listed: 10, Migrated: 8, Failed: 2})
			want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 10, Migrated: 2, Already: 8})
		}},
		{"filtered resets", filteredResets},
		{"verify finds and repairs", verifyFindsAndRepairs},
		{"verify learns after a lost database", func(town *town) {
			w := town.migrated()
			w.must(os.RemoveAll(w.state))
			want(w.t, w.run(pass.Options{}), pass.Counts{Listed: 8, Already: 8, Healed: 8})
			for range 2 {
				r := w.run(pass.Options{Kind: pass.Verify})
				found(w.t, r, pass.Verified{Sample: 100, Checked: 8, Present: 8})
			}
		}},
		{"verify samples by its seed", func(town *town) {
			w := town.migrated()
			o := pass.Options{Kind: pass.Verify, Verify: pass.Verification{Sample: 50, Seed: 3}}
			first, again := w.planned(o), w.run(o)
			if n := first.Verified.Checked; n == 0 || n == 8 || n != again.Verified.Checked {
				w.t.Errorf("half of 8 are %d, then %d", n, again.Verified.Checked)
			}
		}},
	})
}

func preStageThenFull(town *town) {
	w := town.world()
	for range 3 {
		w.deliverAt("Work", time.Now().Add(-24*time.Hour).Format("_2-Jan-2006 15:04:05 -0700"))
	}
	r := w.planned(pass.Options{Kind: pass.PreStage})
	want(w.t, r, pass.Counts{Listed: 11, Migrated: 8, Filtered: 3, OutOfWindow: 3})
	if r.Window == nil || r.Window.LeftOut != 3 || r.Started.Sub(r.Window.Before) > 90*24*time.Hour {
		w.t.Errorf("window %+v", r.Window)
	}
	want(w.t, w.planned(pass.Options{Kind: pass.Full}), pass.Counts{Listed: 11, Migrated: 3, Already: 8})
	w.same("INBOX")
	w.same("Work")
	w.quiet(pass.Options{}, pass.Counts{Listed: 11, Already: 11})
}

func preStageBySent(town *town) {
	w := town.world() // whose mails do not say when they were sent
	w.a.Append("Work", nil, "", []byte("Date: Sat, 1 Jan 2000 00:00:00 +0000\r\nSubject: old\r\n\r\nx\r\n"))
	w.a.Append("Work", nil, " 1-Jan-2000 00:00:00 +0000", fmt.Appendf(nil, "Date: %s\r\nSubject: new\r\n\r\nx\r\n", time.Now().Format(time.RFC1123Z)))
	o := pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{DateField: pass.BySent}}
	want(w.t, w.planned(o), pass.Counts{Listed: 10, Migrated: 9, Filtered: 1, OutOfWindow: 1})
	if m := w.b.Messages(target("Work")); len(m) != 1 || !strings.Contains(string(m[0].Body), "Subject: old") {
		w.t.Errorf("%d messages", len(m))
	}
}

// faulty runs a pass over mailboxes that fail by a plan, to its end.
func (w *world) faulty(text string, o pass.Options) (r *pass.Report) {
	w.t.Helper()
	plan, err := faultendpoint.Parse(text)
	w.must(err)
	w.with(w.t.Context(), func(e *pass.Engine, p pass.Pair) {
		process := faultendpoint.NewProcess(plan, nil)
		p.Source, p.Destination = faultendpoint.Wrap(p.Source, "src", process), faultendpoint.Wrap(p.Destination, "dst", process)
		r, err = e.Run(w.t.Context(), p, o)
		w.must(err)
	})
	return r
}

// failing is a world of whose eight mails the third could not be read by the first pass.
func (town *town) failing() *world {
	town.t.Helper()
	w := town.world()
	r := w.faulty(fmt.Sprintf("item damaged on side=src method=read item=%d", w.here("INBOX")[2]), pass.Options{})
	want(w.t, r, pass.Counts{Listed: 8, Migrated: 7, Failed: 1})
	return w
}

func retryTakesOnlyFailures(town *town) {
	w := town.failing()
	w.deliver("INBOX", 2)
	retry := pass.Options{Kind: pass.RetryFailed}
	want(w.t, w.planned(retry), pass.Counts{Listed: 1, Migrated: 1})
	w.refused(retry, pass.ErrNothingFailed)
	want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 10, Migrated: 2, Already: 8})
	w.same("INBOX")
}

// refused checks that a pass is refused and changes nothing at the destination.
func (w *world) refused(o pass.Options, reason error, texts ...string) {
	w.t.Helper()
	before := w.everything()
	_, err := w.try(w.t.Context(), o)
	if !errors.Is(err, reason) || !errors.Is(err, pass.ErrRefused) {
		w.t.Errorf("err %v", err)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			w.t.Errorf("the error does not say %q: %v", text, err)
		}
	}
	if w.everything() != before {
		w.t.Error("the destination was changed")
	}
}

// cut runs a pass that ends after some windows of one item.
func (w *world) cut(o pass.Options, after int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	o.Window, o.Folders = 1, 1
	o.Observer = func(ev pass.Event) {
		if _, ok := ev.(pass.WindowDone); ok {
			if after--; after == 0 {
				cancel()
			}
		}
	}
	if r, err := w.try(ctx, o); !errors.Is(err, context.Canceled) || r.Complete {
		w.t.Fatalf("the pass was not cut: %v", err)
	}
}

// emptied is a world whose user removed everything at the destination, and which saw a delta since.
func (town *town) emptied() *world {
	town.t.Helper()
	w := town.migrated()
	w.b.Expunge("INBOX", w.there("INBOX")...)
	want(w.t, w.run(pass.Options{}), pass.Counts{Listed: 8, RemovedAtDestination: 8})
	return w
}

// twice checks that a folder of the destination has everything of the source exactly two times.
func (w *world) twice(folder string) {
	w.t.Helper()
	var source, have []string
	for _, m := range w.a.Messages(folder) {
		source = append(source, string(m.Body), string(m.Body))
	}
	for _, m := range w.b.Messages(target(folder)) {
		have = append(have, string(unmarked(m.Body)))
	}
	slices.Sort(source)
	slices.Sort(have)
	if !slices.Equal(have, source) {
		w.t.Errorf("%s: the destination has %d messages, not each of %d twice", folder, len(have), len(source)/2)
	}
}

// domainSwitch reaches both mailboxes under another host name, which makes another address.
func domainSwitch(town *town, rebind bool) {
	w := town.migrated()
	w.deliver("INBOX", 1)
	w.with(w.t.Context(), func(e *pass.Engine, p pass.Pair) {
		for i, side := range []**endpoint.Mailbox{&p.Source, &p.Destination} {
			server := w.src
			if i == 1 {
				server = w.dst
			}
			old := (*side).Info().Account
			m, err := imapendpoint.Open(w.t.Context(), imapendpoint.Config{
				Addr:     strings.Replace(server.Addr(), "127.0.0.1", "localhost", 1),
				Security: imapendpoint.Plaintext, Username: w.name, Password: "secret",
			})
			w.must(err)
			defer func() { w.must(m.Close()) }()
			if *side = m; m.Info().Account == old {
				w.t.Fatal("the address is the same as before")
			}
		}
		if rebind {
			fit, err := e.Rebind(w.t.Context(), p, false)
			w.must(err)
			if *fit != (pass.Fit{Records: 8, Settled: 8, Found: 8, SourceKnown: 8, SourceFound: 8}) {
				w.t.Errorf("fit %+v", fit)
			}
		}
		r, err := e.Run(w.t.Context(), p, pass.Options{})
		w.must(err)
		want(w.t, r, pass.Counts{Listed: 9, Migrated: 1, Already: 8})
	})
	w.same("INBOX")
}

func mailboxWithContent(town *town) {
	w := town.world()
	w.b.Create("INBOX.Work")
	for _, folder := range []string{"INBOX", "INBOX.Work"} {
		for _, m := range w.a.Messages("INBOX")[:2] { // the same as at the source
			w.b.Append(folder, []string{`\Seen`}, m.InternalDate, m.Body)
		}
	}
	before := map[string][]imapraw.Message{"INBOX": w.b.Messages("INBOX"), "INBOX.Work": w.b.Messages("INBOX.Work")}
	carry := policy(pass.Policy{OnDelete: pass.RemoveDeleted, OnMove: pass.FollowMoved, OnFlags: pass.MergeFlags})
	carry.MaxDeleteShare = 1
	for _, o := range []pass.Options{{}, {Kind: pass.Rebuild}, carry} {
		w.run(o)
		w.a.Expunge("INBOX", w.here("INBOX")[0])
		for folder, messages := range before {
			if now := w.b.Messages(folder); !slices.EqualFunc(now[:len(messages)], messages, sameMessage) {
				w.t.Errorf("%s: a message of the mailbox's own was touched", folder)
			}
		}
	}
}

// filteredResets forgets records bit by bit. What a user removed among them comes back, and what a
// pass after that heals shows that nothing else was lost.
func filteredResets(town *town) {
	w := town.failing()
	w.deliver("Work", 2)
	bad := fmt.Sprintf("item damaged on side=src method=read item=%d", w.here("INBOX")[2])
	want(w.t, w.faulty(bad, pass.Options{}), pass.Counts{Listed: 10, Migrated: 2, Already: 7, Failed: 1})
	w.b.Expunge("INBOX", w.there("INBOX")[0])
	w.b.Expunge("INBOX.Work", w.there("Work")[0])
	want(w.t, w.faulty(bad, pass.Options{}), pass.Counts{Listed: 10, Already: 7, RemovedAtDestination: 2, Failed: 1})

	w.reset(store.Filter{Kinds: []uint8{uint8(endpoint.Contact)}}, 0, 0)
	want(w.t, w.faulty(bad, pass.Options{}), pass.Counts{Listed: 10, Already: 7, RemovedAtDestination: 2, Failed: 1})
	w.reset(store.Filter{Folders: []string{"Work"}}, 2, 1)
	want(w.t, w.faulty(bad, pass.Options{}), pass.Counts{Listed: 10, Migrated: 1, Already: 7, Healed: 1, RemovedAtDestination: 1, Failed: 1})
	w.reset(store.Filter{Statuses: []store.Status{store.Failed}}, 1, 0)
	want(w.t, w.faulty(bad, pass.Options{}), pass.Counts{Listed: 10, Already: 8, RemovedAtDestination: 1, Failed: 1})
	w.reset(store.Filter{Removed: true}, 1, 1)
	want(w.t, w.planned(pass.Options{}), pass.Counts{Listed: 10, Migrated: 2, Already: 8})
	w.same("INBOX")
	w.same("Work")
}

// found checks what a Verify pass found, but for the list of findings.
func found(t *testing.T, r *pass.Report, v pass.Verified) {
	t.Helper()
	have := *r.Verified
	have.Findings = nil
	if fmt.Sprintf("%+v", have) != fmt.Sprintf("%+v", v) {
		t.Errorf("verified\n have %+v\n want %+v\nfindings %+v", have, v, r.Verified.Findings)
	}
}

// verifyFindsAndRepairs does to messages at the destination what users and broken servers do. That
// messages never change in place is a promise of IMAP; a part of one comes under a new UID.
func verifyFindsAndRepairs(town *town) {
	w := town.migrated()
	messages := w.b.Messages("INBOX")
	w.b.Expunge("INBOX", messages[0].UID)                                                          // missing
	w.b.Move("INBOX", messages[1].UID, "INBOX.Trash")                                              // moved
	w.b.StoreFlags("INBOX", messages[2].UID, "+FLAGS", `\Seen`)                                    // altered, in flags
	w.b.Expunge("INBOX", messages[3].UID, messages[4].UID)                                         // and then
	w.b.Append("INBOX", nil, messages[3].InternalDate, messages[3].Body[:len(messages[3].Body)-4]) // partial
	w.b.Append("INBOX", nil, messages[4].InternalDate, append(messages[4].Body, "more\r\n"...))    // altered
	seen := pass.Verified{Sample: 100, Checked: 8, Present: 3, Moved: 1, Missing: 1, Altered: 2, FlagsOnly: 1, Partial: 1}
	found(w.t, w.planned(pass.Options{Kind: pass.Verify}), seen)
	repair := func(r pass.Repair) pass.Options {
		return pass.Options{Kind: pass.Verify, Verify: pass.Verification{Repair: r}}
	}
	seen.Repaired = 1
	found(w.t, w.planned(repair(pass.RepairMissing)), seen)
	seen.Present, seen.Missing = 4, 0
	found(w.t, w.planned(repair(pass.RepairPartial)), seen)
	seen.Present, seen.Partial, seen.Repaired = 5, 0, 0
	found(w.t, w.planned(repair(pass.RepairPartial)), seen)
	w.holds("Trash", 2) // what was moved there, and the broken one
	w.quiet(pass.Options{}, pass.Counts{Listed: 8, Already: 8})
}
