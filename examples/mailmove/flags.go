package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/pass"
)

// The verbs of the program.
const (
	verbRun    = "run"
	verbCheck  = "check"
	verbPlan   = "plan"
	verbReset  = "reset"
	verbStatus = "status"
)

// settings are what the arguments and the environment say.
type settings struct {
	verb         string
	from, to     account
	pair, state  string
	key, ca      string
	kind         pass.Kind
	since        time.Time
	before       time.Time
	folders      selection
	maxSize      int64 // 0 means any
	connections  int64 // 0 means the default
	fullScan     bool
	acceptMarks  bool
	discard      bool // a damaged database
	json, dryRun bool
}

// migrates reports whether the verb talks to servers.
func (s settings) migrates() bool {
	return s.verb == verbRun || s.verb == verbCheck || s.verb == verbPlan
}

// parser collects everything that is wrong, so that the user hears of it at once.
//
// No message repeats the value of a flag: it might be an address, or hold a password.
type parser struct {
	*flag.FlagSet
	settings settings
	errs     []error
}

func (p *parser) wrong(format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

// parse reads the arguments of the program. It fails with flag.ErrHelp where they ask for help.
func parse(args []string, getenv func(string) string) (settings, error) {
	p := &parser{FlagSet: flag.NewFlagSet("mailmove", flag.ContinueOnError)}
	p.SetOutput(io.Discard)
	args = p.parseVerb(args)
	p.define()
	if err := p.parseAll(args); err != nil {
		return settings{}, err
	}
	p.finish(getenv)
	return p.settings, errors.Join(p.errs...)
}

func (p *parser) parseVerb(args []string) []string {
	p.settings.verb = verbRun
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return args
	}
	verbs := []string{verbRun, verbCheck, verbPlan, verbReset, verbStatus}
	switch {
	case args[0] == "help":
		return []string{"-help"}
	case slices.Contains(verbs, args[0]):
		p.settings.verb = args[0]
	default:
		p.wrong("argument 1 is no verb: use one of %s, or none for run", strings.Join(verbs, ", "))
	}
	return args[1:]
}

// define declares the flags that the verb has.
func (p *parser) define() {
	s := &p.settings
	p.Func("from", "", p.address("-from", &s.from))
	p.Func("to", "", p.address("-to", &s.to))
	p.StringVar(&s.pair, "pair", "", "")
	p.StringVar(&s.state, "state", "", "")
	p.StringVar(&s.key, "key", "", "")
	p.StringVar(&s.ca, "ca", "", "")
	p.Func("connections", "", p.number("-connections", &s.connections, 32))
	p.BoolVar(&s.json, "json", false, "")
	if s.verb == verbStatus {
		return
	}
	p.Func("since", "", p.instant("-since", &s.since))
	p.Func("before", "", p.instant("-before", &s.before))
	p.Func("include", "", p.pattern("-include", &s.folders.include))
	p.Func("exclude", "", p.pattern("-exclude", &s.folders.exclude))
	if s.verb == verbReset {
		p.BoolVar(&s.dryRun, "dry", false, "")
		return
	}
	p.Func("pass", "", p.kind)
	p.Func("max-size", "", p.number("-max-size", &s.maxSize, 1<<40))
	p.BoolVar(&s.fullScan, "full-scan", false, "")
	p.BoolVar(&s.acceptMarks, "accept-foreign-marks", false, "")
	if s.verb == verbRun {
		p.BoolVar(&s.discard, "discard-damaged", false, "")
	}
}

// parseAll goes on after what is wrong, to find it all.
func (p *parser) parseAll(args []string) error {
	for len(args) > 0 {
		err := p.Parse(args)
		args = p.Args()
		switch {
		case errors.Is(err, flag.ErrHelp):
			return err
		case err != nil:
			p.wrong("%s: %w", p.settings.verb, err)
		case len(args) > 0:
			p.wrong("an argument belongs to no flag: put the verb first, and - before each flag")
		}
		// What follows now is the value of a flag that does not exist, or belongs to no flag.
		for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			args = args[1:]
		}
	}
	return nil
}

// The following make the functions that read the value of a flag. What they find wrong they note
// themselves, because package flag would stop there and repeat the value.

func (p *parser) address(name string, a *account) func(string) error {
	return func(value string) error {
		parsed, err := parseAddress(value)
		if err != nil {
			p.wrong("%s: %w", name, err)
		}
		*a = parsed
		a.given = true
		return nil
	}
}

func (p *parser) instant(name string, t *time.Time) func(string) error {
	return func(value string) error {
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if parsed, err := time.Parse(layout, value); err == nil {
				*t = parsed
				return nil
			}
		}
		p.wrong("%s: give a date such as 2006-01-02, or a time such as 2006-01-02T15:04:05Z", name)
		return nil
	}
}

func (p *parser) pattern(name string, list *[]*pattern) func(string) error {
	return func(value string) error {
		parsed, err := parsePattern(value)
		if err != nil {
			p.wrong("%s: %w", name, err)
			return nil
		}
		*list = append(*list, parsed)
		return nil
	}
}

func (p *parser) kind(value string) error {
	for _, k := range []pass.Kind{pass.Auto, pass.Full, pass.Delta} {
		if k.String() == value {
			p.settings.kind = k
			return nil
		}
	}
	p.wrong("-pass: give auto, full or delta")
	return nil
}

func (p *parser) number(name string, n *int64, most int64) func(string) error {
	return func(value string) error {
		parsed, err := strconv.ParseInt(value, 10, 64)
		if err != nil || parsed < 1 || parsed > most {
			p.wrong("%s: give a number from 1 to %d", name, most)
		}
		*n = parsed
		return nil
	}
}

// finish checks what the flags say together, and adds what the environment and defaults say.
func (p *parser) finish(getenv func(string) string) {
	s := &p.settings
	p.finishPair()
	if s.migrates() {
		p.require(s.from.given, "-from", "say where the mail is: imaps://user@host")
		p.require(s.to.given, "-to", "say where the mail goes: imaps://user@host")
		p.secrets("-from", &s.from, "MAILMOVE_FROM", getenv)
		p.secrets("-to", &s.to, "MAILMOVE_TO", getenv)
	}
	p.require(s.state != "" || s.verb == verbCheck, "-state", "name the directory of the database")
	if !s.since.IsZero() && !s.before.IsZero() && !s.since.Before(s.before) {
		p.wrong("-since and -before: nothing lies between them; exchange them or widen one")
	}
}

func (p *parser) finishPair() {
	s := &p.settings
	switch {
	case len(s.pair) > 255:
		p.wrong("-pair: give a name of at most 255 bytes")
	case s.pair != "" || s.migrates() && (!s.from.given || !s.to.given):
	case s.from.given && s.to.given:
		s.pair = defaultPair(s.from, s.to)
	case s.from.given || s.to.given:
		p.wrong("-from and -to: give both, or -pair instead")
	default:
		p.require(s.verb == verbStatus, "-pair", "name the pair, or give -from and -to")
	}
}

func (p *parser) require(given bool, name, cure string) {
	if !given {
		p.wrong("%s is missing: %s", name, cure)
	}
}

func (p *parser) secrets(name string, a *account, variable string, getenv func(string) string) {
	a.password, a.token = getenv(variable+"_PASSWORD"), getenv(variable+"_TOKEN")
	switch {
	case !a.given:
	case a.password == "" && a.token == "":
		p.wrong("%s: no password: set %s_PASSWORD, or %s_TOKEN, in the environment", name, variable, variable)
	case a.password != "" && a.token != "":
		p.wrong("%s: set only one of %s_PASSWORD and %s_TOKEN", name, variable, variable)
	}
}

// defaultPair makes the ID of a pair from its addresses, which cannot be learnt from it. How the
// connections are protected does not change it.
func defaultPair(from, to account) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", from.identity(), to.identity()))
	return fmt.Sprintf("pair-%x", sum[:6])
}
