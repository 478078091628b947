package main

import (
	"errors"
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// environment is one in which both passwords are set.
func environment(name string) string {
	return map[string]string{
		"MAILMOVE_FROM_PASSWORD": "old-secret",
		"MAILMOVE_TO_PASSWORD":   "new-secret",
	}[name]
}

const (
	fromFlag = "-from=imaps://ann@old.example"
	toFlag   = "-to=imaps://ann@new.example"
)

// mustParse parses a command line that is right.
func mustParse(t *testing.T, line string) settings {
	t.Helper()
	s, err := parse(strings.Fields(line), environment)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return s
}

func TestParse(t *testing.T) {
	s := mustParse(t, "plan -state dir -pair=ann -pass=delta -since=2020-02-03 -before=2021-02-03T04:05:06+01:00 -date=sent "+
		"-include=Projects -include=Lists/* -exclude=**/Old -role=inbox -role=archive -not-role=trash "+
		"-max-size=1000 -full-scan -accept-foreign-marks -connections=2 -ca=ca.pem -key=key -json "+fromFlag+" "+toFlag)
	if s.verb != verbPlan || s.state != "dir" || s.pair != "ann" || s.connections != 2 || s.ca != "ca.pem" || s.key != "key" ||
		!s.json || !s.dryRun {
		t.Errorf("settings = %+v", s)
	}
	want := pass.Options{
		Kind: pass.Delta, FullScan: true, AcceptForeignMarks: true,
		Select: pass.Selection{
			Since:     time.Date(2020, 2, 3, 0, 0, 0, 0, time.UTC),
			Before:    s.options.Select.Before,
			DateField: pass.BySent, MaxSize: 1000,
			Include: []pass.Pattern{"Projects", "Lists/*"}, Exclude: []pass.Pattern{"**/Old"},
			Roles: []endpoint.Role{endpoint.Inbox, endpoint.Archive}, NotRoles: []endpoint.Role{endpoint.Trash},
		},
	}
	if !reflect.DeepEqual(s.options, want) || !s.options.Select.Before.Equal(time.Date(2021, 2, 3, 3, 5, 6, 0, time.UTC)) {
		t.Errorf("options = %+v,\n   want %+v", s.options, want)
	}
	if s.from.password != "old-secret" || s.to.password != "new-secret" {
		t.Errorf("passwords were mixed up")
	}
}

func TestParseDefaults(t *testing.T) {
	s := mustParse(t, fromFlag+" "+toFlag+" -state=dir")
	if s.verb != verbRun || !reflect.DeepEqual(s.options, pass.Options{}) || !strings.HasPrefix(s.pair, "pair-") || len(s.pair) != 17 {
		t.Errorf("settings = %+v", s)
	}
}

// TestParseKinds has the kinds of pass, each with the flags that only it has.
func TestParseKinds(t *testing.T) {
	day := time.Date(2020, 2, 3, 0, 0, 0, 0, time.UTC)
	for flags, want := range map[string]pass.Options{
		"-pass=full":                            {Kind: pass.Full},
		"-pass=resume -plan":                    {Kind: pass.Resume},
		"-pass=prestage":                        {Kind: pass.PreStage},
		"-pass=prestage -older-than=30d":        {Kind: pass.PreStage, PreStage: pass.PreStaging{Age: 720 * time.Hour}},
		"-older-than 2w -pass prestage":         {Kind: pass.PreStage, PreStage: pass.PreStaging{Age: 336 * time.Hour}},
		"-pass=prestage -older-than=36h":        {Kind: pass.PreStage, PreStage: pass.PreStaging{Age: 36 * time.Hour}},
		"-pass=prestage -date=sent":             {Kind: pass.PreStage, PreStage: pass.PreStaging{DateField: pass.BySent}},
		"-pass=prestage -older-than=2020-02-03": {Kind: pass.PreStage, PreStage: pass.PreStaging{Before: day}},
		"-pass=retry":                           {Kind: pass.RetryFailed},
		"-pass=verify -repair=none":             {Kind: pass.Verify},
		"-pass=verify -repair=missing":          {Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairMissing}},
		"-pass=verify -repair=partial -sample=2.5 -seed=18446744073709551615": {
			Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairPartial, Sample: 2.5, Seed: 1<<64 - 1},
		},
		"-pass=rebuild -trust-database": {Kind: pass.Rebuild, TrustDatabase: true},
		"-pass=trial -trial=3":          {Kind: pass.Trial, Trial: pass.TrialLimits{Items: 3}},
		"-pass=trial -max-size=7": {
			Kind: pass.Trial, Trial: pass.TrialLimits{MaxSize: 7}, Select: pass.Selection{MaxSize: 7},
		},
		"-start-at=2020-02-03": {StartAt: day},
		"-on-update=replace -full-compare -on-flags=merge": {
			FullCompare: true, Policies: pass.ForAllKinds(pass.Policy{OnUpdate: pass.ReplaceUpdated, OnFlags: pass.MergeFlags}),
		},
		"-on-delete=remove -max-delete-share=50 -on-move=follow": {
			MaxDeleteShare: 0.5, Policies: pass.ForAllKinds(pass.Policy{OnDelete: pass.RemoveDeleted, OnMove: pass.FollowMoved}),
		},
		"-trust-database -adopt=identity": {
			TrustDatabase: true, Policies: pass.ForAllKinds(pass.Policy{Adopt: pass.AdoptByIdentity}),
		},
		"-on-update=skip -on-delete=keep -on-move=copy -on-flags=keep -adopt=none": {},
	} {
		s := mustParse(t, "run -state=d "+fromFlag+" "+toFlag+" "+flags)
		if !reflect.DeepEqual(s.options, want) {
			t.Errorf("%s: options = %+v,\n   want %+v", flags, s.options, want)
		}
		if s.dryRun != strings.Contains(flags, "-plan") {
			t.Errorf("%s: dry run: %v", flags, s.dryRun)
		}
	}
}

func TestParseReset(t *testing.T) {
	s := mustParse(t, "reset -state=d -pair=ann -since=2020-02-03 -before=2020-02-04 -include=A -exclude=A/B -kind=mail -kind=note -failed -dry")
	want := resetting{
		filter: store.Filter{
			Since: time.Date(2020, 2, 3, 0, 0, 0, 0, time.UTC), Before: time.Date(2020, 2, 4, 0, 0, 0, 0, time.UTC),
			Kinds: []uint8{uint8(endpoint.Mail), uint8(endpoint.Note)}, Statuses: []store.Status{store.Failed},
		},
		include: []pass.Pattern{"A"}, exclude: []pass.Pattern{"A/B"}, failed: true,
	}
	if !reflect.DeepEqual(s.reset, want) || !s.dryRun || s.connects() {
		t.Errorf("%+v, want %+v", s.reset, want)
	}
	if s := mustParse(t, "reset -state=d -removed -plan "+fromFlag+" "+toFlag); !s.reset.filter.Removed || !s.reset.plan || s.from.password == "" {
		t.Errorf("%+v", s.reset)
	}
	if s := mustParse(t, "reset -state=d -pair=ann -statistics"); !s.reset.statistics || s.dryRun {
		t.Errorf("%+v", s.reset)
	}
}

func TestParseQuestion(t *testing.T) {
	for flags, want := range map[string]pass.Question{
		"-message-id=<a@b>":           {MessageID: "<a@b>"},
		"-source=A/B -ref=7":          {Source: pass.Place{Folder: []string{"A", "B"}, Ref: "7"}},
		"-ref 7 -destination Archive": {Destination: pass.Place{Folder: []string{"Archive"}, Ref: "7"}},
	} {
		if s := mustParse(t, "explain -state=d "+fromFlag+" "+toFlag+" "+flags); !reflect.DeepEqual(s.question, want) {
			t.Errorf("%s: %+v", flags, s.question)
		}
	}
}

// TestParseAcceptsWhatEachVerbNeeds has the least that a verb is content with.
func TestParseAcceptsWhatEachVerbNeeds(t *testing.T) {
	for _, line := range []string{
		"run -state d " + fromFlag + " " + toFlag,
		"check " + fromFlag + " " + toFlag,
		"plan -state d " + fromFlag + " " + toFlag,
		"reset -state d -pair ann",
		"reset -state d -dry -include A " + fromFlag + " " + toFlag,
		"status -state d",
		"status -state d -json -pair ann",
		"status -state d -ca ca.pem -connections 3",
		"purge -state d " + fromFlag + " " + toFlag,
		"purge -state d -confirm 00112233445566778899aabbccddeeff " + fromFlag + " " + toFlag,
		"rebind -state d -pair ann -dry " + fromFlag + " " + toFlag,
		"explain -state d -message-id a " + fromFlag + " " + toFlag,
	} {
		if _, err := parse(strings.Fields(line), environment); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestParseReportsAllErrorsAtOnce(t *testing.T) {
	for _, test := range []struct {
		line string
		want []string // one beginning of each line
	}{
		{"", []string{"-from is missing", "-to is missing", "-state is missing"}},
		{"fly", []string{"argument 1 is no verb", "-from is missing", "-to is missing", "-state is missing"}},
		{"check -to imaps://host " + fromFlag, []string{"-to: the address has no user"}},
		{"check -from=imaps://ann:hunter2@old.example " + toFlag, []string{"-from: take the password out"}},
		{
			"check -since=yesterday -before=soon -pass=again -connections=0 -max-size=-1 -include=/A " +
				fromFlag + " " + toFlag,
			[]string{"-since: ", "-before: ", "-pass: ", "-connections: ", "-max-size: ", "-include: "},
		},
		{"check -since=2021-01-01 -before=2020-01-01 " + fromFlag + " " + toFlag, []string{"-before, -since: "}},
		{
			"run -dry -wet -state=d " + fromFlag + " " + toFlag,
			[]string{"run: flag provided but not defined: -dry", "run: flag provided but not defined: -wet"},
		},
		{"run -state=d " + fromFlag + " " + toFlag + " ann:hunter2", []string{"an argument belongs to no flag"}},
		{"status -max-size 3 -state=d", []string{"status: flag provided but not defined: -max-size"}},
		{"status ann bob -state=d", []string{"an argument belongs to no flag"}},
		{"status -state=d " + fromFlag, []string{"-from and -to: give both"}},
		{"reset", []string{"-pair is missing", "-state is missing"}},
		{"reset -state=d -pair=ann -plan", []string{"-from is missing", "-to is missing"}},
		{"purge -pair=ann", []string{"-from is missing", "-to is missing", "-state is missing"}},
		{"purge -confirm= -state=d " + fromFlag + " " + toFlag, []string{"-confirm: "}},
		{"rebind -state=d " + fromFlag + " " + toFlag, []string{"-pair is missing"}},
		{"explain -source=A//B -state=d " + fromFlag + " " + toFlag, []string{"-source: ", "-ref is missing"}},
	} {
		_, err := parse(strings.Fields(test.line), environment)
		if err == nil {
			t.Errorf("%q: no error", test.line)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(test.want) {
			t.Errorf("%q: %d errors, want %d:\n%v", test.line, len(lines), len(test.want), err)
			continue
		}
		for i, want := range test.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q: error %q, want %q", test.line, lines[i], want)
			}
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "old.example") {
			t.Errorf("%q: error repeats an address or password: %v", test.line, err)
		}
	}
}

// TestParseReportsContradictions has flags that do not go together. Each error names them.
func TestParseReportsContradictions(t *testing.T) {
	for _, test := range []struct {
		line string // without what every verb needs
		want []string
	}{
		{"run -older-than=90d", []string{"-older-than: it is for -pass prestage"}},
		{"run -pass=prestage -since=2020-01-01 -before=2021-01-01", []string{"-before, -since: a prestage"}},
		{"run -pass=prestage -older-than=2999-01-01", []string{"-older-than: the date lies in the future"}},
		{"run -pass=prestage -older-than=1969-01-01", []string{"-older-than: nothing came before 1970"}},
		{"run -pass=prestage -older-than=4000w", []string{"-older-than: nothing came before 1970"}},
		{"run -pass=prestage -older-than=90", []string{"-older-than: give an age"}},
		{"run -pass=prestage -older-than=0d", []string{"-older-than: give an age"}},
		{"run -pass=prestage -older-than=-1d", []string{"-older-than: give an age"}},
		{"run -pass=prestage -older-than=", []string{"-older-than: give an age"}},
		{"run -pass=delta -trial=3 -sample=5 -seed=7 -repair=none", []string{"-trial: ", "-repair, -sample, -seed: "}},
		{"run -pass=verify -seed=7", []string{"-seed: it chooses a -sample"}},
		{"run -pass=verify -sample=0", []string{"-sample: give a percentage"}},
		{"run -pass=verify -sample=NaN", []string{"-sample: give a percentage"}},
		{"run -pass=verify -trust-database", []string{"-trust-database: a verify looks"}},
		{"run -pass=verify -on-delete=remove", []string{"-on-delete: a pass of this kind looks at no changes"}},
		{"run -pass=retry -adopt=identity -on-move=copy", []string{"-adopt, -on-move: a pass of this kind"}},
		{"run -trust-database -full-scan", []string{"-full-scan, -trust-database: they contradict"}},
		{"run -trust-database -on-flags=merge", []string{"-on-flags: they must see the destination"}},
		{"run -full-compare -max-delete-share=5", []string{"-full-compare: it serves", "-max-delete-share: it bounds"}},
		{"run -max-delete-share=101 -on-delete=remove", []string{"-max-delete-share: give a percentage"}},
		{"run -on-update=yes -on-delete=yes -on-move=yes -on-flags=yes -adopt=yes -repair=all -date=now", []string{
			"-on-update: give skip or replace", "-on-delete: give keep or remove", "-on-move: give copy or follow",
			"-on-flags: give keep or merge", "-adopt: give none or identity", "-repair: give none, missing or partial",
			"-date: give received or sent", "-repair: for -pass verify only", "-date: it says which",
		}},
		{"run -role=inbox -not-role=inbox", []string{"-not-role, -role: both name the same role"}},
		{"run -role=nothing", []string{"-role: give inbox, "}},
		{"run -kind=letter", []string{"-kind: give mail, "}},
		{"run -since=2999-01-01", []string{"-since: it lies in the future"}},
		{"run -before=1969-01-01", []string{"-before: nothing came before 1970"}},
		{"run -date=sent", []string{"-date: it says which date"}},
		{"run -plan -start-at=2030-01-01 -discard-damaged", []string{"-discard-damaged, -start-at: a plan writes nothing"}},
		{"run -start-at=soon", []string{"-start-at: give a date"}},
		{"run -trial=0 -pass=trial", []string{"-trial: give a number"}},
		{"plan -start-at=2030-01-01", []string{"plan: flag provided but not defined: -start-at"}},
		{"reset -removed -failed", []string{"-failed, -removed: nothing is both"}},
		{"reset -kind=letter", []string{"-kind: give mail, "}},
		{"reset -statistics -plan -include=A", []string{"-include, -plan: -statistics forgets"}},
		{"reset -since=2021-01-01 -before=2020-01-01", []string{"-before, -since: nothing lies between"}},
		{"purge -confirm=yes", []string{"-confirm: give the value that purge printed"}},
		{"explain", []string{"-message-id, -source and -destination: give one"}},
		{"explain -message-id=a -source=b -destination=c", []string{"-destination, -message-id, -source: give only one"}},
		{"explain -message-id=a -ref=1", []string{"-ref: it goes with"}},
		{"explain -message-id=", []string{"-message-id: it is empty"}},
		{"explain -destination=A", []string{"-ref is missing"}},
	} {
		_, err := parse(append(strings.Fields(test.line), "-state=d", fromFlag, toFlag), environment)
		if err == nil {
			t.Errorf("%q: no error", test.line)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if !slices.EqualFunc(lines, test.want, strings.HasPrefix) {
			t.Errorf("%q: errors are\n%v\nwant %q", test.line, err, test.want)
		}
	}
}

func TestParseWantsOneSecretForEachSide(t *testing.T) {
	for _, test := range []struct {
		set  map[string]string
		want string // part of the error
	}{
		{map[string]string{"MAILMOVE_FROM_TOKEN": "t", "MAILMOVE_TO_PASSWORD": "p"}, ""},
		{map[string]string{"MAILMOVE_TO_PASSWORD": "p"}, "-from: no password"},
		{map[string]string{"MAILMOVE_FROM_PASSWORD": "p", "MAILMOVE_TO_TOKEN": "t", "MAILMOVE_TO_PASSWORD": "p"}, "-to: set only one"},
	} {
		_, err := parse([]string{"check", fromFlag, toFlag}, func(name string) string { return test.set[name] })
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v, want %q", test.set, err, test.want)
		}
	}
}

func TestParseHelp(t *testing.T) {
	for _, line := range []string{"-help", "-h", "help", "run -h", "status --help"} {
		if _, err := parse(strings.Fields(line), environment); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// TestHelpNamesEveryFlag defines the flags of all verbs and looks for each in the help text.
func TestHelpNamesEveryFlag(t *testing.T) {
	for _, verb := range verbs() {
		p := &parser{FlagSet: flag.NewFlagSet("", flag.ContinueOnError), settings: settings{verb: verb}}
		p.define()
		p.VisitAll(func(f *flag.Flag) {
			if !strings.Contains(help, "\n  -"+f.Name+" ") && !strings.Contains(help, "\n  -"+f.Name+"\n") {
				t.Errorf("help says nothing of -%s", f.Name)
			}
		})
	}
}

func TestParseAddress(t *testing.T) {
	for _, test := range []struct {
		text, user, addr string
		security         imapendpoint.Security
	}{
		{"imaps://ann@old.example", "ann", "old.example:993", imapendpoint.TLS},
		{"imap://ann@old.example", "ann", "old.example:143", imapendpoint.StartTLS},
		{"imap+plain://ann@localhost:1143/", "ann", "localhost:1143", imapendpoint.Plaintext},
		{"imaps://ann%40old.example@mail.old.example:9993", "ann@old.example", "mail.old.example:9993", imapendpoint.TLS},
		{"imaps://ann@old.example@mail.old.example", "ann@old.example", "mail.old.example:993", imapendpoint.TLS},
		{"imaps://a%3Ab%2Fc%25d@[2001:db8::1]", "a:b/c%d", "[2001:db8::1]:993", imapendpoint.TLS},
		{"IMAPS://ann@[::1]:1993", "ann", "[::1]:1993", imapendpoint.TLS},
	} {
		a, err := parseAddress(test.text)
		if err != nil || a.user != test.user || a.addr() != test.addr || a.security != test.security {
			t.Errorf("parseAddress(%q) = %q at %q by %v, %v", test.text, a.user, a.addr(), a.security, err)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":                                errScheme,
		"old.example":                     errScheme,
		"ann@old.example":                 errScheme,
		"https://ann@old.example":         errScheme,
		"imaps:ann@old.example":           errAddress,
		"imaps://ann@":                    errAddress,
		"imaps://old.example":             errUser,
		"imaps://@old.example":            errUser,
		"imaps://ann:secret@old.example":  errPassword,
		"imaps://ann:@old.example":        errPassword,
		"imaps://ann:se/cret@old.example": errAddress,
		"imaps://ann:se#cret@old.example": errAddress,
		"imaps://ann:12#cret@old.example": errUser,
		"imaps://ann%zz@old.example":      errAddress,
		"imaps://ann@old.example/INBOX":   errPath,
		"imaps://ann@old.example?x=y":     errPath,
		"imaps://ann@old.example:0":       errPort,
		"imaps://ann@old.example:65536":   errPort,
		"imaps://ann@old.example:imap":    errAddress,
		"imaps://ann@old.example\r\nQUIT": errAddress,
	} {
		if _, err := parseAddress(text); !errors.Is(err, want) {
			t.Errorf("parseAddress(%q) = %v, want %v", text, err, want)
		}
	}
}

func TestDefaultPair(t *testing.T) {
	id := func(from, to string) string {
		a, _ := parseAddress(from)
		b, _ := parseAddress(to)
		return defaultPair(a, b)
	}
	want := id("imaps://ann@old.example", "imaps://ann@new.example")
	if same := id("imap://ann@OLD.example", "imaps://ann@new.example:993"); same != want {
		t.Errorf("protection or case of the host changes the pair: %s and %s", want, same)
	}
	for _, other := range []string{
		id("imaps://ann@new.example", "imaps://ann@old.example"),
		id("imaps://ann@old.example", "imaps://bob@new.example"),
		id("imaps://ann@old.example:9993", "imaps://ann@new.example"),
	} {
		if other == want {
			t.Errorf("two pairs of addresses have the ID %s", want)
		}
	}
}
