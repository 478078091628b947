package endpoint_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

// changing is a scripted driver that changes and finds items, too.
type changing struct {
	scripted
	answers []endpoint.Result
}

func (d *changing) Delete(context.Context, endpoint.Folder, []string) iter.Seq2[endpoint.Result, error] {
	return answer(&d.scripted, "Delete", d.answers)
}

func (d *changing) SetFlags(context.Context, endpoint.Folder, []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
	return answer(&d.scripted, "SetFlags", d.answers)
}

func (d *changing) Flags(context.Context, endpoint.Folder, []string) iter.Seq2[endpoint.Flagging, error] {
	return answer(&d.scripted, "Flags", []endpoint.Flagging{{Ref: "1"}, {Ref: "2"}})
}

func (d *changing) Find(context.Context, endpoint.Folder, string) iter.Seq2[string, error] {
	return answer(&d.scripted, "Find", []string{"1", "2"})
}

// changes are the methods of a mailbox that change items, each called for the items 1 and 2.
func changes() map[string]func(context.Context, *endpoint.Mailbox) iter.Seq2[endpoint.Result, error] {
	var f endpoint.Folder
	return map[string]func(context.Context, *endpoint.Mailbox) iter.Seq2[endpoint.Result, error]{
		"delete": func(ctx context.Context, m *endpoint.Mailbox) iter.Seq2[endpoint.Result, error] {
			return m.Delete(ctx, f, []string{"1", "2"})
		},
		"set flags": func(ctx context.Context, m *endpoint.Mailbox) iter.Seq2[endpoint.Result, error] {
			return m.SetFlags(ctx, f, []endpoint.FlagChange{{Ref: "1"}, {Ref: "2"}})
		},
	}
}

func able() endpoint.Capabilities {
	return endpoint.Capabilities{Delete: true, SetFlags: true, Flags: true, Find: true}
}

func TestChangesThatAreDeniedReachNoDriver(t *testing.T) {
	t.Parallel()
	d := &changing{}
	m := endpoint.New(d)
	_, flags := collect(m.Flags(t.Context(), endpoint.Folder{}, nil))
	_, found := collect(m.Find(t.Context(), endpoint.Folder{}, "x"))
	errs := map[string]error{"flags": flags, "find": found}
	for name, start := range changes() {
		_, errs[name] = collect(start(t.Context(), m))
	}
	for name, err := range errs {
		if !errors.Is(err, endpoint.ErrUnsupported) || err.Error() != "mem "+name+": not supported" {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCalls(t, &d.scripted, "Capabilities")
}

func TestFlagsAndFindPassValues(t *testing.T) {
	t.Parallel()
	d := &changing{scripted: scripted{caps: able()}}
	m := endpoint.New(d)
	flags, err := collect(m.Flags(t.Context(), endpoint.Folder{}, nil))
	found, failed := collect(m.Find(t.Context(), endpoint.Folder{}, "x"))
	if len(flags) != 2 || len(found) != 2 || errors.Join(err, failed) != nil {
		t.Errorf("flags %+v, found %q, errors %v, %v", flags, found, err, failed)
	}
	wantCalls(t, &d.scripted, "Capabilities", "Flags", "Find")
}

func TestChangesAreAnsweredOnceEach(t *testing.T) {
	t.Parallel()
	gone := endpoint.Errorf(endpoint.NotFound, "gone")
	for name, start := range changes() {
		for what, test := range map[string]struct {
			answers []endpoint.Result
			results int
			code    endpoint.Code
		}{
			"each":         {[]endpoint.Result{{Ref: "2", Err: gone}, {Ref: "1"}}, 2, endpoint.Unknown},
			"one missing":  {[]endpoint.Result{{Ref: "2", Err: gone}}, 1, endpoint.InDoubt},
			"one twice":    {[]endpoint.Result{{Ref: "2", Err: gone}, {Ref: "2"}, {Ref: "1"}}, 1, endpoint.Damaged},
			"one too much": {[]endpoint.Result{{Ref: "2", Err: gone}, {Ref: "3"}}, 1, endpoint.Damaged},
		} {
			d := &changing{scripted: scripted{caps: able()}, answers: test.answers}
			results, err := collect(start(t.Context(), endpoint.New(d)))
			if len(results) != test.results || endpoint.CodeOf(err) != test.code || (err == nil) != (what == "each") {
				t.Errorf("%s, %s: %+v, %v", name, what, results, err)
			}
			if e, ok := errors.AsType[*endpoint.Error](results[0].Err); !ok || e.Op != name || e.Driver != "mem" || e.Code != endpoint.NotFound {
				t.Errorf("%s, %s: the error of an item is %v", name, what, results[0].Err)
			}
		}
	}
}

func TestChangesLeftEarly(t *testing.T) {
	t.Parallel()
	for name, start := range changes() {
		d := &changing{scripted: scripted{caps: able()}, answers: []endpoint.Result{{Ref: "1"}, {Ref: "2"}}}
		if values, errs := over(start(t.Context(), endpoint.New(d)))(1); values != 1 || errs != nil {
			t.Errorf("%s: %d values, errors %v", name, values, errs)
		}
	}
}
