package pass_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// Whatever is wrong is reported at once, by the names of the fields, and nothing is written: neither
// at the destination nor in the ledger.

func TestContradictoryOptionsAreReportedTogether(t *testing.T) {
	now := time.Now()
	cases := []struct {
		name string
		o    pass.Options
		says []string
	}{
		{"a kind of pass that is none", pass.Options{Kind: 77}, []string{"Kind: 77 is no kind of pass"}},
		{
			"what belongs to other kinds of pass",
			pass.Options{
				Kind: pass.Delta, PreStage: pass.PreStaging{Age: time.Hour}, Trial: pass.TrialLimits{Items: 1},
				Verify: pass.Verification{Repair: pass.RepairMissing},
			},
			[]string{"PreStage: it is set, but Kind is delta", "Trial: it is set, but Kind is delta", "Verify: it is set, but Kind is delta"},
		},
		{
			"two ways to say when",
			pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{Age: time.Hour, Before: now.Add(-time.Hour)}},
			[]string{"PreStage.Age and PreStage.Before"},
		},
		{
			"a pre-stage of everything",
			pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{Before: now.Add(time.Hour)}},
			[]string{"PreStage.Before: it lies in the future"},
		},
		{
			"a pre-stage of nothing",
			pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{Age: 100 * 365 * days}},
			[]string{"PreStage: it takes what came before 1970"},
		},
		{
			"a pre-stage of other kinds",
			pass.Options{Kind: pass.PreStage, Select: pass.Selection{Kinds: []endpoint.Kind{endpoint.Contact}}},
			[]string{"Select.Kinds: a PreStage migrates mail only, not contact"},
		},
		{
			"trusting and looking",
			pass.Options{TrustDatabase: true, FullScan: true, Policies: removing().Policies},
			[]string{"TrustDatabase: it contradicts FullScan", "TrustDatabase: policies must see the destination"},
		},
		{
			"trusting and verifying",
			pass.Options{Kind: pass.Verify, TrustDatabase: true},
			[]string{"TrustDatabase: it contradicts FullScan and Verify"},
		},
		{
			"policies of a pass that looks at no changes",
			pass.Options{Kind: pass.RetryFailed, Policies: everyPolicy()},
			[]string{"Policies: a retry pass looks at no changes"},
		},
		{
			"what serves policies that are off",
			pass.Options{FullCompare: true, MaxDeleteShare: 0.5},
			[]string{"FullCompare: it serves OnUpdate", "MaxDeleteShare: it bounds OnDelete"},
		},
		{
			"numbers out of range",
			pass.Options{
				Folders: -1, Window: 2000, WindowBytes: -1, Patience: -1, MaxDeleteShare: 1.5, OnTypeChange: 9, Select: pass.Selection{MaxSize: -1},
			},
			[]string{
				"Folders: -1", "Window: 2000", "WindowBytes: -1", "Patience: -1ns", "MaxDeleteShare: 1.5", "OnTypeChange: 9", "Select.MaxSize: -1",
			},
		},
		{
			"a trial of fewer than none",
			pass.Options{Kind: pass.Trial, Trial: pass.TrialLimits{Items: -1, MaxSize: -1}},
			[]string{"Trial.Items: -1", "Trial.MaxSize: -1"},
		},
		{
			"a verification that is none",
			pass.Options{Kind: pass.Verify, Verify: pass.Verification{Repair: 9, Sample: 101}},
			[]string{"Verify.Repair: 9", "Verify.Sample: 101"},
		},
		{
			"a seed for everything",
			pass.Options{Kind: pass.Verify, Verify: pass.Verification{Seed: 7}},
			[]string{"Verify.Seed: it chooses a sample, but Verify.Sample is not set"},
		},
		{
			"policies that are none",
			pass.Options{Policies: pass.Policies{
				endpoint.Mail: {OnUpdate: 9, OnDelete: 9, OnMove: 9, OnFlags: 9, Adopt: 9}, 99: {},
			}},
			[]string{
				"OnUpdate of Policies[mail]: 9", "OnDelete of Policies[mail]: 9", "OnMove of Policies[mail]: 9",
				"OnFlags of Policies[mail]: 9", "Adopt of Policies[mail]: 9", "Policies: 99 is no kind of item",
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			filled(t).refused(c.o, pass.ErrInvalid, c.says...)
		})
	}
}

func TestUnknownKindsOfItemAreRefused(t *testing.T) {
	filled(t).refused(pass.Options{Select: pass.Selection{Kinds: []endpoint.Kind{88, endpoint.Mail, 99}}},
		pass.ErrInvalid, "Select.Kinds: 88 is no kind", "Select.Kinds: 99 is no kind")
}

func TestKindsThatTheSourceDoesNotHaveAreRefused(t *testing.T) {
	w := filled(t)
	w.srcOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail}
	w.refused(pass.Options{Select: pass.Selection{Kinds: []endpoint.Kind{endpoint.Mail, endpoint.Event, endpoint.Task}}},
		pass.ErrInvalid, "Select.Kinds: the source has no items of kind event", "Select.Kinds: the source has no items of kind task")
}

func TestDatesThatExcludeEverythingAreRefused(t *testing.T) {
	now := time.Now()
	for text, s := range map[string]pass.Selection{
		"Select.Since and Select.Before: nothing lies between them": {Since: now.Add(-days), Before: now.Add(-2 * days)},
		"Select.Since: it lies in the future":                       {Since: now.Add(days)},
		"Select.Before: it lies before 1970":                        {Before: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
		"Select.DateField: 7 is no date":                            {DateField: 7},
		"Select.Kinds: the list is empty":                           {Kinds: []endpoint.Kind{}},
	} {
		filled(t).refused(pass.Options{Select: s}, pass.ErrInvalid, text)
	}
}

func TestPatternsThatMatchNothingAreRefused(t *testing.T) {
	w := filled(t)
	w.refused(pass.Options{Select: pass.Selection{
		Include: []pass.Pattern{inbox, "Wrok"}, Exclude: []pass.Pattern{"Junk/**"}, Roles: []endpoint.Role{endpoint.Sent},
	}}, pass.ErrInvalid, `Select.Include: "Wrok" names no folder`, `Select.Exclude: "Junk/**" names no folder`, `Select.Roles: no folder of the source has the role "sent"`)
	w = newWorld(t) // also before the first pass
	w.deliver(1, inbox)
	w.refused(pass.Options{Select: pass.Selection{Include: []pass.Pattern{"Wrok"}}}, pass.ErrInvalid, `Select.Include: "Wrok"`)
}

func TestPatternsThatAreNoneAreRefused(t *testing.T) {
	filled(t).refused(pass.Options{Select: pass.Selection{
		Include: []pass.Pattern{"/Work", "Work/", "a//b", "", "a**"}, Exclude: []pass.Pattern{"x/**y"},
		Roles: []endpoint.Role{endpoint.Trash}, NotRoles: []endpoint.Role{endpoint.Trash},
	}}, pass.ErrInvalid, `Select.Include: "/Work"`, `Select.Include: "Work/"`, `Select.Include: "a//b"`, `Select.Include: ""`,
		`Select.Include: "a**"`, `Select.Exclude: "x/**y"`, "Select.Roles and Select.NotRoles")
}

// What only the mailboxes tell is reported together, too.
func TestWhatTheMailboxesCannotDoIsReportedTogether(t *testing.T) {
	w := filled(t)
	w.srcOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail}
	w.srcOpts.Quirks.NoVersions, w.srcOpts.Quirks.NoFlags, w.dstOpts.Quirks.NoDelete = true, true, true
	w.refused(pass.Options{
		Policies: everyPolicy(),
		Select:   pass.Selection{Kinds: []endpoint.Kind{endpoint.Event}, Include: []pass.Pattern{"Wrok"}},
	}, pass.ErrInvalid, "Select.Kinds: ", "Select.Include: ", "OnUpdate (", "OnDelete (", "OnMove (", "OnFlags (")
}

func TestPairIsCheckedWithTheOptions(t *testing.T) {
	w := filled(t)
	before := w.state()
	_, err := w.engine().Run(t.Context(), pass.Pair{ReverseOf: "x"}, pass.Options{Window: -1})
	if !errors.Is(err, pass.ErrInvalid) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("err %v", err)
	}
	for _, field := range []string{"Pair.ID", "Pair.Source", "Pair.Destination", "Window"} {
		if !strings.Contains(err.Error(), field+": ") {
			t.Errorf("%s is not named: %v", field, err)
		}
	}
	w.isStill(before)
}
