package pass_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// rebind rebinds the pair to the mailboxes as the world has them now. With dry, it must leave no
// trace.
func (w *world) rebind(dry bool) (*pass.Fit, error) {
	w.t.Helper()
	before := w.state()
	fit, err := w.engine().Rebind(w.t.Context(), w.open(), dry)
	if dry || err != nil {
		w.isStill(before)
	}
	return fit, err
}

func TestRebindAfterADomainSwitchMovesNothingTwice(t *testing.T) {
	w := filled(t)
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	w.run(pass.Options{})
	w.srcOpts.Account, w.dstOpts.Account = "ann@contoso.example", "ann@fabrikam.example"
	for _, dry := range []bool{true, false} {
		fit, err := w.rebind(dry)
		w.must(err)
		if *fit != (pass.Fit{Records: 10, Settled: 9, Found: 9, SourceKnown: 10, SourceFound: 10}) {
			t.Errorf("dry %v: fit %+v", dry, fit)
		}
	}
	w.quiet(pass.Counts{Listed: 10, Already: 9, RemovedAtDestination: 1})
	// From now on it is the mailbox of the pair, also when its user empties it.
	for _, path := range w.dst.FolderPaths() {
		for _, ref := range w.destRefs(path...) {
			w.must(w.dst.Delete(path, ref))
		}
	}
	w.quiet(pass.Counts{Listed: 10, RemovedAtDestination: 10})
}

func TestRebindRefusesAnotherDestination(t *testing.T) {
	w := filled(t)
	w.dst = memendpoint.NewServer()
	w.dstOpts.Account = "bob@new.example"
	_, err := w.rebind(false)
	if !errors.Is(err, pass.ErrNoFit) || !errors.Is(err, pass.ErrRefused) || !strings.Contains(err.Error(), "of 10 items at the destination 0 are in this one") {
		t.Errorf("err %v", err)
	}
}

func TestRebindRefusesAnotherSource(t *testing.T) {
	w := filled(t)
	w.src = memendpoint.NewServer()
	w.srcOpts.Account = "bob@old.example"
	w.deliver(20, inbox)
	_, err := w.rebind(false)
	if !errors.Is(err, pass.ErrNoFit) || !strings.Contains(err.Error(), "of 10 at the source 0") {
		t.Errorf("err %v", err)
	}
}
