package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// The verbs of the program.
const (
	verbRun     = "run"
	verbCheck   = "check"
	verbPlan    = "plan"
	verbReset   = "reset"
	verbPurge   = "purge"
	verbRebind  = "rebind"
	verbExplain = "explain"
	verbStatus  = "status"
)

func verbs() []string {
	return []string{verbRun, verbCheck, verbPlan, verbReset, verbPurge, verbRebind, verbExplain, verbStatus}
}

// settings are what the arguments and the environment say.
type settings struct {
	verb         string
	from, to     account
	pair, state  string
	key, ca      string
	graphURL     string
	connections  int // 0 means the default
	json, dryRun bool

	options pass.Options // of run, check and plan
	policy  pass.Policy  // for items of every kind
	discard bool         // a damaged database

	reset    resetting
	confirm  string        // of purge
	question pass.Question // of explain
}

// resetting is what only reset is told.
type resetting struct {
	filter     store.Filter // without folders, which patterns choose among those that are recorded
	include    []pass.Pattern
	exclude    []pass.Pattern
	failed     bool
	statistics bool
	plan       bool // what the next pass would do
}

// passes reports whether the verb runs a pass, or what comes before one.
func (s settings) passes() bool {
	return s.verb == verbRun || s.verb == verbCheck || s.verb == verbPlan
}

// connects reports whether the verb talks to servers.
func (s settings) connects() bool {
	return s.verb != verbStatus && s.verb != verbReset || s.reset.plan
}

// parser collects everything that is wrong, so that the user hears of it at once.
//
// No message repeats the value of a flag: it might be an address, or hold a password.
type parser struct {
	*flag.FlagSet
	now      time.Time
	settings settings
	errs     []error
}

func (p *parser) wrong(format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

// parse reads the arguments of the program. It fails with flag.ErrHelp where they ask for help.
func parse(args []string, getenv func(string) string) (settings, error) {
	p := &parser{FlagSet: flag.NewFlagSet("mailmove", flag.ContinueOnError), now: time.Now()}
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
	switch {
	case args[0] == "help":
		return []string{"-help"}
	case slices.Contains(verbs(), args[0]):
		p.settings.verb = args[0]
	default:
		p.wrong("argument 1 is no verb: use one of %s, or none for run", strings.Join(verbs(), ", "))
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
	p.StringVar(&s.graphURL, "graph-url", "", "")
	number(p, "connections", &s.connections, 32)
	p.BoolVar(&s.json, "json", false, "")
	switch s.verb {
	case verbRun, verbCheck, verbPlan:
		p.definePass()
	case verbReset:
		p.defineReset()
	case verbPurge:
		p.Func("confirm", "", p.confirmation(&s.confirm))
	case verbRebind:
		p.BoolVar(&s.dryRun, "dry", false, "")
	case verbExplain:
		p.defineQuestion()
	}
}

// definePass declares the flags of a pass: what kind it is, what it takes, and how it goes about it.
func (p *parser) definePass() {
	s, o := &p.settings, &p.settings.options
	p.defineKind()
	p.Func("since", "", p.instant("-since", &o.Select.Since))
	p.Func("before", "", p.instant("-before", &o.Select.Before))
	choice(p, "date", &o.Select.DateField, pass.ByReceived.String(), pass.BySent.String())
	p.Func("include", "", p.pattern("-include", &o.Select.Include))
	p.Func("exclude", "", p.pattern("-exclude", &o.Select.Exclude))
	p.Func("role", "", p.role("-role", &o.Select.Roles))
	p.Func("not-role", "", p.role("-not-role", &o.Select.NotRoles))
	p.Func("kind", "", itemKind(p, &o.Select.Kinds))
	number(p, "max-size", &o.Select.MaxSize, 1<<40)
	p.definePolicies()
	p.BoolVar(&o.FullScan, "full-scan", false, "")
	p.BoolVar(&o.TrustDatabase, "trust-database", false, "")
	p.BoolVar(&o.AcceptForeignMarks, "accept-foreign-marks", false, "")
	if s.verb == verbRun {
		p.BoolVar(&s.dryRun, "plan", false, "")
		p.Func("start-at", "", p.instant("-start-at", &o.StartAt))
		p.BoolVar(&s.discard, "discard-damaged", false, "")
	}
}

// defineKind declares -pass, and what is for passes of one kind only.
func (p *parser) defineKind() {
	o := &p.settings.options
	var kinds []string
	for k := pass.Auto; k.String() != "unknown"; k++ {
		kinds = append(kinds, k.String())
	}
	choice(p, "pass", &o.Kind, kinds...)
	p.Func("older-than", "", p.age("-older-than", &o.PreStage))
	number(p, "trial", &o.Trial.Items, 1<<20)
	choice(p, "repair", &o.Verify.Repair, "none", "missing", "partial")
	p.Func("sample", "", p.percentage("-sample", &o.Verify.Sample))
	number(p, "seed", &o.Verify.Seed, math.MaxUint64)
}

func (p *parser) defineReset() {
	s, r := &p.settings, &p.settings.reset
	p.Func("since", "", p.instant("-since", &r.filter.Since))
	p.Func("before", "", p.instant("-before", &r.filter.Before))
	p.Func("include", "", p.pattern("-include", &r.include))
	p.Func("exclude", "", p.pattern("-exclude", &r.exclude))
	p.Func("kind", "", itemKind(p, &r.filter.Kinds))
	p.BoolVar(&r.filter.Removed, "removed", false, "")
	p.BoolVar(&r.failed, "failed", false, "")
	p.BoolVar(&r.statistics, "statistics", false, "")
	p.BoolVar(&s.dryRun, "dry", false, "")
	p.BoolVar(&r.plan, "plan", false, "")
}

func (p *parser) defineQuestion() {
	q := &p.settings.question
	p.StringVar(&q.MessageID, "message-id", "", "")
	p.Func("source", "", p.folder("-source", &q.Source.Folder))
	p.Func("destination", "", p.folder("-destination", &q.Destination.Folder))
	p.String("ref", "", "")
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

// finish checks what the flags say together, and adds what the environment and defaults say.
func (p *parser) finish(getenv func(string) string) {
	s := &p.settings
	p.finishPair()
	if s.connects() {
		p.require(s.from.given, "-from", "say where the mail is: imaps://user@host")
		p.require(s.to.given, "-to", "say where the mail goes: imaps://user@host")
		p.secrets("-from", &s.from, "MAILMOVE_FROM", getenv)
		p.secrets("-to", &s.to, "MAILMOVE_TO", getenv)
		p.finishGraph()
	}
	p.require(s.state != "" || s.verb == verbCheck, "-state", "name the directory of the database")
	switch {
	case s.passes():
		p.finishPass()
	case s.verb == verbReset:
		p.finishReset()
	case s.verb == verbExplain:
		p.finishQuestion()
	}
}

func (p *parser) finishPair() {
	s := &p.settings
	switch {
	case len(s.pair) > 255:
		p.wrong("-pair: give a name of at most 255 bytes")
	case s.pair != "":
	case s.verb == verbRebind:
		// The name that is made of new addresses is new, too.
		p.require(false, "-pair", "name the pair whose addresses changed; status lists them")
	case s.connects() && (!s.from.given || !s.to.given):
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
	if a.graph {
		p.graphSecrets(name, a, variable, getenv)
		return
	}
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
