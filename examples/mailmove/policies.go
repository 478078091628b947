package main

import "github.com/dandyroll/dandyroll/pass"

// policyFlags say what to do about changes at the source, and about what is at the destination.
func policyFlags() []string {
	return []string{"on-update", "on-delete", "on-move", "on-flags", "adopt"}
}

// definePolicies declares the flags of the policies. They are for items of every kind, of which
// IMAP carries but one.
func (p *parser) definePolicies() {
	policy, o := &p.settings.policy, &p.settings.options
	choice(p, "on-update", &policy.OnUpdate, "skip", "replace")
	choice(p, "on-delete", &policy.OnDelete, "keep", "remove")
	choice(p, "on-move", &policy.OnMove, "copy", "follow")
	choice(p, "on-flags", &policy.OnFlags, "keep", "merge")
	choice(p, "adopt", &policy.Adopt, "none", "identity")
	p.Func("max-delete-share", "", p.percentage("-max-delete-share", &o.MaxDeleteShare))
	p.BoolVar(&o.FullCompare, "full-compare", false, "")
}

// finishPolicies checks what the flags of the policies say together, and enters them in the options.
func (p *parser) finishPolicies() {
	s, o := &p.settings, &p.settings.options
	if s.policy != (pass.Policy{}) {
		o.Policies = pass.ForAllKinds(s.policy)
	}
	o.MaxDeleteShare /= 100
	p.refuse(s.policy != (pass.Policy{}) && (o.Kind == pass.Verify || o.Kind == pass.RetryFailed),
		"a pass of this kind looks at no changes; leave them out, or choose another -pass", policyFlags()...)
	p.refuse(s.policy.OnUpdate != pass.ReplaceUpdated, "it serves -on-update replace; give that, too, or leave it out", "full-compare")
	p.refuse(s.policy.OnDelete != pass.RemoveDeleted, "it bounds -on-delete remove; give that, too, or leave it out", "max-delete-share")
	seesDestination := s.policy
	seesDestination.Adopt = pass.AdoptNone
	p.refuse(o.TrustDatabase && seesDestination != (pass.Policy{}),
		"they must see the destination, which -trust-database does not look at; leave out one", "on-update", "on-delete", "on-move", "on-flags")
}
