package main

import (
	"flag"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// given returns those of the flags that were given, as they are written.
func (p *parser) given(names ...string) (flags []string) {
	p.Visit(func(f *flag.Flag) {
		if slices.Contains(names, f.Name) {
			flags = append(flags, "-"+f.Name)
		}
	})
	return flags
}

// refuse reports those of the flags that were given, if that is wrong, and says why.
func (p *parser) refuse(bad bool, why string, names ...string) {
	if flags := p.given(names...); bad && len(flags) > 0 {
		p.wrong("%s: %s", strings.Join(flags, ", "), why)
	}
}

// finishPass reports what contradicts itself among the flags of a pass.
func (p *parser) finishPass() {
	s, o := &p.settings, &p.settings.options
	p.finishKind()
	p.finishDates()
	p.finishPolicies()
	p.refuse(o.TrustDatabase && o.FullScan, "they contradict each other; leave out one", "trust-database", "full-scan")
	p.refuse(s.dryRun, "a plan writes nothing and begins at once; leave it out", "start-at", "discard-damaged")
	for _, role := range o.Select.Roles {
		p.refuse(slices.Contains(o.Select.NotRoles, role), "both name the same role; take it out of one", "role", "not-role")
	}
	s.dryRun = s.dryRun || s.verb == verbPlan
	if o.Kind == pass.Trial {
		o.Trial.MaxSize = o.Select.MaxSize
	}
}

// finishKind reports what is not for a pass of the kind that was chosen.
func (p *parser) finishKind() {
	o := &p.settings.options
	p.refuse(o.Kind != pass.PreStage, "it is for -pass prestage; for others there are -since and -before", "older-than")
	p.refuse(o.Kind == pass.PreStage, "a prestage takes what is -older-than an age or date; use that instead", "since", "before")
	p.refuse(o.Kind != pass.Trial, "it is for -pass trial", "trial")
	p.refuse(o.Kind != pass.Verify, "for -pass verify only", "repair", "sample", "seed")
	p.refuse(o.Verify.Sample == 0, "it chooses a -sample, which is missing", "seed")
	p.refuse(o.Kind == pass.Verify && o.TrustDatabase, "a verify looks at the destination; leave it out", "trust-database")
}

// finishDates reports dates that leave nothing to a pass, and gives a prestage the date that counts.
func (p *parser) finishDates() {
	o := &p.settings.options
	window := &o.PreStage
	p.checkSpan(o.Select.Since, o.Select.Before)
	p.refuse(window.Before.After(p.now), "the date lies in the future, so that nothing is left for a full pass; give an earlier one", "older-than")
	p.refuse(beforeMail(window.Before) || window.Age > p.now.Sub(time.Unix(0, 0)),
		"nothing came before 1970; give a later date or a smaller age", "older-than")
	p.refuse(o.Kind != pass.PreStage && o.Select.Since.IsZero() && o.Select.Before.IsZero(),
		"it says which date -since, -before or a prestage looks at, and there is none of them", "date")
	if o.Kind == pass.PreStage {
		window.DateField, o.Select.DateField = o.Select.DateField, pass.ByReceived
	}
}

// checkSpan reports a span of time in which nothing can lie.
func (p *parser) checkSpan(since, before time.Time) {
	p.refuse(!since.IsZero() && !before.IsZero() && !since.Before(before),
		"nothing lies between them; exchange them or widen one", "since", "before")
	p.refuse(since.After(p.now), "it lies in the future, so that everything is left out; give an earlier time", "since")
	p.refuse(beforeMail(before), "nothing came before 1970; give a later time", "before")
}

func beforeMail(t time.Time) bool { return !t.IsZero() && t.Before(time.Unix(0, 0)) }

// finishReset reports what contradicts itself among the flags of a reset.
func (p *parser) finishReset() {
	r := &p.settings.reset
	p.checkSpan(r.filter.Since, r.filter.Before)
	p.refuse(r.filter.Removed && r.failed, "nothing is both; leave out one", "removed", "failed")
	p.refuse(r.statistics, "-statistics forgets the history of passes and no record; leave them out, or reset twice",
		"since", "before", "include", "exclude", "kind", "removed", "failed", "plan")
	if r.failed {
		r.filter.Statuses = []store.Status{store.Failed}
	}
}

// finishQuestion makes sure that an explanation is asked of one item.
func (p *parser) finishQuestion() {
	q := &p.settings.question
	ref := p.Lookup("ref").Value.String()
	named := p.given("message-id", "source", "destination")
	switch {
	case len(named) == 0:
		p.wrong("-message-id, -source and -destination: give one of them, to say which item is meant")
	case len(named) > 1:
		p.wrong("%s: give only one of them", strings.Join(named, ", "))
	case named[0] == "-message-id":
		p.refuse(q.MessageID == "", "it is empty", "message-id")
		p.refuse(true, "it goes with -source or -destination; leave it out", "ref")
	default:
		p.require(ref != "", "-ref", "give the number (UID) of the item in the folder")
		if named[0] == "-source" {
			q.Source.Ref = ref
		} else {
			q.Destination.Ref = ref
		}
	}
}
