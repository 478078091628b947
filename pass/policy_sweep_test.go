package pass_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
)

// Whatever call or element fails while a policy is carried out, while a Verify repairs or a Rebuild
// goes on, and however: at no moment is an item missing that was there before and after, and another
// pass leaves what a pass without faults would have left. The short form tries every few calls.
func TestProvePolicySweep(t *testing.T) {
	y := &tally{t: t}
	step := prove.Scale(97, 1)
	t.Run("scenes", func(t *testing.T) {
		for i, sc := range policyScenes() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				calls, end := sc.undisturbed(t)
				for n := i % step; n < len(calls); n += step {
					for _, e := range policyFlavours(calls[n]) {
						tr := &policyTrial{sc, faultendpoint.Plan{at(calls[n], e)}, end, e.Code == "throttled" || e.Do == faultendpoint.Delay}
						v, fired := tr.run(t)
						y.enter(tr, v, fired)
					}
				}
			})
		}
	})
	prove.Record(t, "a fault at every call of a policy, a repair, a rebuild", y.Figures)
}

// policyFlavours are the faults that can happen at a call: none by which a destination would say of
// an item that it is to change that it is not there, though it is.
func policyFlavours(c faultendpoint.Call) []faultendpoint.Effect {
	return slices.DeleteFunc(flavours(c), func(e faultendpoint.Effect) bool {
		return e.Code == "not-found" && c.Writes
	})
}

// policyTrial is a pass with a fault, and the one after it.
type policyTrial struct {
	scene policyScene
	plan  faultendpoint.Plan
	end   ending
	waits bool // the pass must come to its end in spite of its fault
}

func (tr *policyTrial) String() string { return fmt.Sprintf("scene %q: %v", tr.scene.name, tr.plan) }

// ending is what a pass leaves at the destination, with what it found and left out of the trash.
type ending struct {
	folders map[string][]string
	stay    map[string]bool // names of items that are there before and after
}

// undisturbed runs the pass of a scene without faults, and returns its calls and what it left.
func (sc policyScene) undisturbed(t *testing.T) (calls []faultendpoint.Call, end ending) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := sc.build(t)
		end.stay = s.names()
		p := faultendpoint.NewProcess(nil, func(c faultendpoint.Call, _ faultendpoint.Effect) { calls = append(calls, c) })
		r, err := s.attempt(p, sc.small())
		if err != nil || !r.Complete {
			t.Fatalf("%s without faults: %v\n%v", sc.name, err, r)
		}
		end.folders = s.appearance()
		after := s.names()
		maps.DeleteFunc(end.stay, func(name string, _ bool) bool { return !after[name] })
		var v verdict
		if s.idle(&v, sc); v.bad() {
			t.Fatalf("%s, a second time: %v", sc.name, v.unexplained)
		}
	})
	sortBySide(calls)
	return calls, end
}

// small are the options of a scene with windows so small that there are several.
func (sc policyScene) small() pass.Options {
	o := sc.options
	o.Window, o.Folders = 2, 1
	return o
}

// run carries a trial out. What is left in it are the faults that happened, in a form that is the
// same in every process.
func (tr *policyTrial) run(t *testing.T) (v verdict, fired int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := tr.scene.build(t)
		var met faultendpoint.Plan
		p := faultendpoint.NewProcess(tr.plan, func(c faultendpoint.Call, e faultendpoint.Effect) {
			if e.Do != 0 {
				met = append(met, faultendpoint.Rule{Effect: e, Side: c.Side, Method: c.Method, Folder: c.Folder, At: c.At, Nth: c.Nth})
			}
		})
		before, generation := contents(s.dst), s.meta().Generation
		r, err := s.attempt(p, tr.scene.small())
		if fired = p.Fired(); fired != 1 {
			v.odd("%d faults happened", fired)
		}
		tr.plan = met
		if tr.waits && (err != nil || !r.Complete || r.Totals.Failed > 0) {
			v.odd("a fault that passes by itself was not waited out: %v\n%v%v", err, r, r.Failures)
		}
		s.nothingMissing(&v, tr.end)
		if r != nil {
			s.judge(&v, r, err, before)
		}
		o := tr.scene.options
		if m := s.meta(); m.Generation > generation && !m.Rebuilding {
			o = tr.scene.afterwards // it came to its end
		}
		if tr.scene.resume {
			s.run(pass.Options{})
		}
		if r, err = s.engine().Run(t.Context(), s.open(), o); err != nil || !r.Complete || !r.Closes() || r.Totals.Failed > 0 {
			v.odd("the next pass: %v\n%v%v", err, r, r.Failures)
		}
		s.endsAs(&v, tr.end)
		s.idle(&v, tr.scene)
		if now := contents(s.src); !reflect.DeepEqual(now, s.source) {
			v.odd("the source was changed")
		}
	})
	return v, fired
}

// idle runs one more pass, which must find nothing to do.
func (s *stage) idle(v *verdict, sc policyScene) {
	before := contents(s.dst)
	r, err := s.engine().Run(s.t.Context(), s.open(), sc.afterwards)
	c := r.Totals
	busy := c.Migrated + c.Failed + c.Healed + c.Updated + c.Followed + c.Removed + c.Merged
	if err != nil || !r.Complete || !r.Closes() || busy > 0 || r.Verified != nil && r.Verified.Repaired > 0 {
		v.odd("the pass after it: %v\n%v%v", err, r, r.Failures)
	}
	if now := contents(s.dst); !reflect.DeepEqual(now, before) {
		v.odd("a pass with nothing to do changed something")
	}
}

// appearance is what the destination shows, but for references.
func (s *stage) appearance() map[string][]string {
	all := map[string][]string{}
	for name, items := range contents(s.dst) {
		if strings.HasPrefix(name, canary) {
			continue
		}
		all[name] = []string{}
		for _, m := range items {
			if name == "Trash" {
				m.Flags = nil // flags may have been merged before an item went there in a later pass, or not
			}
			all[name] = append(all[name], appearance(m))
		}
		slices.Sort(all[name])
	}
	return all
}

func appearance(m memendpoint.Stored) string {
	flags := slices.Clone(m.Flags)
	slices.Sort(flags)
	return fmt.Sprintf("%v %v %v %q", m.Kind, flags, m.Received.Unix(), m.Body)
}

// names are those of the items at the destination, without its trash.
func (s *stage) names() map[string]bool {
	all := map[string]bool{}
	for folder, items := range contents(s.dst) {
		for _, m := range items {
			if folder != "Trash" {
				all[nameOf(m.Body)] = true
			}
		}
	}
	return all
}

// nothingMissing checks that what stays is there.
func (s *stage) nothingMissing(v *verdict, end ending) {
	now := s.names()
	for name := range end.stay {
		if !now[name] {
			v.lost++
			v.odd("%s was missing after the pass with the fault", name)
		}
	}
}

// endsAs compares the destination with what a pass without faults left. The trash may hold more.
func (s *stage) endsAs(v *verdict, end ending) {
	now := s.appearance()
	for name, want := range end.folders {
		missing, extra := without(want, now[name]), without(now[name], want)
		v.lost += len(missing)
		if name != "Trash" {
			v.duplicated += len(extra)
		}
		if len(missing)+len(extra) > 0 && (name != "Trash" || len(missing) > 0) {
			v.odd("%s: missing %q, extra %q", name, missing, extra)
		}
		delete(now, name)
	}
	for name := range now {
		v.odd("folder %q was left behind", name)
	}
}

// without returns what is in a more often than in b.
func without(a, b []string) []string {
	left := slices.Clone(a)
	for _, x := range b {
		if i := slices.Index(left, x); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return left
}

// Histories that went wrong once.
func TestPolicySweepRegressions(t *testing.T) {
	for _, test := range []struct{ why, scene, plan string }{
		{
			"flags that were refused are carried over by the next pass", "merge",
			"item over-quota on side=dst method=set-flags folder=INBOX at=1 nth=1",
		},
		{
			"a move out of a folder that could not be listed is followed later", "follow",
			"before denied on side=src method=list folder=INBOX at=start; before denied on side=src method=refs folder=INBOX at=start",
		},
		{
			"what has not arrived yet keeps its old copy", "all policies",
			`item damaged on side=src method=read folder="Old lists" at=1 nth=1`,
		},
		{
			"an old copy that stayed is removed by the next pass", "replace",
			"item damaged on side=dst method=delete folder=INBOX at=1 nth=1",
		},
		{
			"a broken copy in the trash stays there", "verify repair",
			"crash-after on side=dst method=delete folder=INBOX at=start nth=1",
		},
	} {
		plan, err := faultendpoint.Parse(test.plan)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(policyScenes(), func(sc policyScene) bool { return sc.name == test.scene })
		sc := policyScenes()[i]
		_, end := sc.undisturbed(t)
		if v, fired := (&policyTrial{sc, plan, end, false}).run(t); v.bad() || fired == 0 {
			t.Errorf("%s: %d faults happened\n%+v", test.why, fired, v)
		}
	}
}
