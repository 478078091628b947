package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/pass"
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

func TestParse(t *testing.T) {
	s, err := parse([]string{
		"plan", fromFlag, toFlag, "-state", "dir", "-pair=ann", "-pass=delta", "-since=2020-02-03",
		"-before=2021-02-03T04:05:06+01:00", "-include=Projects", "-include=Lists/*", "-exclude=**/Old",
		"-max-size=1000", "-full-scan", "-accept-foreign-marks", "-connections=2", "-ca=ca.pem", "-key=key", "-json",
	}, environment)
	if err != nil {
		t.Fatal(err)
	}
	if s.verb != verbPlan || s.state != "dir" || s.pair != "ann" || s.kind != pass.Delta || s.maxSize != 1000 ||
		s.connections != 2 || s.ca != "ca.pem" || s.key != "key" {
		t.Errorf("settings = %+v", s)
	}
	if !s.fullScan || !s.acceptMarks || !s.json || s.dryRun {
		t.Errorf("booleans of %+v", s)
	}
	if !s.since.Equal(time.Date(2020, 2, 3, 0, 0, 0, 0, time.UTC)) ||
		!s.before.Equal(time.Date(2021, 2, 3, 3, 5, 6, 0, time.UTC)) {
		t.Errorf("since %v, before %v", s.since, s.before)
	}
	if len(s.folders.include) != 2 || len(s.folders.exclude) != 1 {
		t.Errorf("folders = %+v", s.folders)
	}
	if s.from.password != "old-secret" || s.to.password != "new-secret" {
		t.Errorf("passwords were mixed up")
	}
}

func TestParseDefaults(t *testing.T) {
	s, err := parse([]string{fromFlag, toFlag, "-state=dir"}, environment)
	if err != nil {
		t.Fatal(err)
	}
	if s.verb != verbRun || s.kind != pass.Auto || !strings.HasPrefix(s.pair, "pair-") || len(s.pair) != 17 {
		t.Errorf("settings = %+v", s)
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
			"check -since=yesterday -before=soon -pass=rebuild -connections=0 -max-size=-1 -include=/A " +
				fromFlag + " " + toFlag,
			[]string{"-since: ", "-before: ", "-pass: ", "-connections: ", "-max-size: ", "-include: "},
		},
		{"check -since=2021-01-01 -before=2020-01-01 " + fromFlag + " " + toFlag, []string{"-since and -before: "}},
		{
			"run -dry -wet -state=d " + fromFlag + " " + toFlag,
			[]string{"run: flag provided but not defined: -dry", "run: flag provided but not defined: -wet"},
		},
		{"run -state=d " + fromFlag + " " + toFlag + " ann:hunter2", []string{"an argument belongs to no flag"}},
		{"status -max-size 3 -state=d", []string{"status: flag provided but not defined: -max-size"}},
		{"status ann bob -state=d", []string{"an argument belongs to no flag"}},
		{"status -state=d " + fromFlag, []string{"-from and -to: give both"}},
		{"reset", []string{"-pair is missing", "-state is missing"}},
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
	for _, verb := range []string{verbRun, verbReset, verbStatus} {
		p := &parser{FlagSet: flag.NewFlagSet("", flag.ContinueOnError), settings: settings{verb: verb}}
		p.define()
		p.VisitAll(func(f *flag.Flag) {
			if !strings.Contains(help, "\n  -"+f.Name) {
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
