package directory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/directory"
	"github.com/dandyroll/dandyroll/endpoint"
)

// account makes an account of "address alias alias/display name".
func account(text string) endpoint.Account {
	list, name, _ := strings.Cut(text, "/")
	addresses := strings.Fields(list)
	return endpoint.Account{Address: addresses[0], Aliases: addresses[1:], DisplayName: name}
}

func accounts(texts ...string) []endpoint.Account {
	var list []endpoint.Account
	for _, text := range texts {
		list = append(list, account(text))
	}
	return list
}

// show makes a pairing readable.
func show(p *directory.Pairing) string {
	var parts []string
	for _, pair := range p.Pairs {
		parts = append(parts, fmt.Sprintf("%s>%s by %v", pair.Source.Address, pair.Destination.Address, pair.By))
	}
	for _, group := range []struct {
		name     string
		accounts []endpoint.Account
	}{{"unmatched", p.Unmatched}, {"left out", p.LeftOut}, {"unused", p.Unused}} {
		for _, a := range group.accounts {
			parts = append(parts, group.name+" "+a.Address)
		}
	}
	return strings.Join(parts, ", ")
}

func TestMatch(t *testing.T) {
	domain := []directory.Rule{directory.ReplaceDomain("Old.example", "new.example")}
	for _, c := range []struct {
		name                string
		source, destination []endpoint.Account
		options             directory.Options
		want                string
	}{
		{"equal address", accounts("Ann@x.example"), accounts("ann@X.example"), directory.Options{}, "Ann@x.example>ann@X.example by address"},
		{"alias of either", accounts("ann@old a@both"), accounts("b@new A@Both"), directory.Options{}, "ann@old>b@new by address"},
		{"alias is primary there", accounts("ann@old ann@new"), accounts("ann@new"), directory.Options{}, "ann@old>ann@new by address"},
		{"two ways to one account", accounts("ann@old a@x b@x"), accounts("ann@new a@x b@x"), directory.Options{}, "ann@old>ann@new by address"},
		{"rule", accounts("ann@OLD.example", "bob@other"), accounts("Ann@new.example"), directory.Options{Rules: domain}, "ann@OLD.example>Ann@new.example by rule, unmatched bob@other"},
		{"rule to an alias", accounts("ann@old.example"), accounts("a.b@new.example ann@new.example"), directory.Options{Rules: domain}, "ann@old.example>a.b@new.example by rule"},
		{"rule before address", accounts("ann@old.example x@y"), accounts("ann@new.example", "x@y"), directory.Options{Rules: domain}, "ann@old.example>ann@new.example by rule, unused x@y"},
		{"rule that names nobody", accounts("ann@old.example x@y"), accounts("x@y"), directory.Options{Rules: domain}, "ann@old.example>x@y by address"},
		{"name is off", accounts("a@old/Ann Lee"), accounts("b@new/Ann Lee"), directory.Options{}, "unmatched a@old, unused b@new"},
		{"name", accounts("a@old/Ann  Lee"), accounts("b@new/ANN LEE "), directory.Options{DisplayNames: true}, "a@old>b@new by display name"},
		{"no name is no evidence", accounts("a@old/ "), accounts("b@new/ "), directory.Options{DisplayNames: true}, "unmatched a@old, unused b@new"},
		{"address before name", accounts("a@x/Ann"), accounts("b@x/Ann", "a@x/Bob"), directory.Options{DisplayNames: true}, "a@x>a@x by address, unused b@x"},
		{
			"list before rule", accounts("a@old.example"), accounts("a@new.example", "b@new.example"),
			directory.Options{Rules: domain, List: []directory.Entry{{Source: "A@old.example", Destination: "B@new.example"}}},
			"a@old.example>b@new.example by list, unused a@new.example",
		},
		{
			"list leaves out", accounts("a@x", "b@x"), accounts("a@x", "b@x"),
			directory.Options{List: []directory.Entry{{Source: "a@x"}}},
			"b@x>b@x by address, left out a@x, unused a@x",
		},
		{
			"list cures ambiguity", accounts("a@old/Ann", "b@old/Ann"), accounts("a@new/Ann", "b@new/Ann"),
			directory.Options{DisplayNames: true, List: []directory.Entry{{Source: "b@old", Destination: "a@new"}, {Source: "a@old", Destination: "b@new"}}},
			"a@old>b@new by list, b@old>a@new by list",
		},
		{
			"list means the primary address", accounts("a@x", "b@x a@x"), accounts("c@y"),
			directory.Options{List: []directory.Entry{{Source: "a@x", Destination: "c@y"}}},
			"a@x>c@y by list, unmatched b@x",
		},
		{"letters beyond ASCII", accounts("\u212ann@x"), accounts("knn@x"), directory.Options{}, "unmatched \u212ann@x, unused knn@x"},
		{"nobody", nil, nil, directory.Options{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := directory.Match(c.source, c.destination, c.options)
			if err != nil {
				t.Fatal(err, problems(err))
			}
			if have := show(p); have != c.want {
				t.Errorf("have %s\nwant %s", have, c.want)
			}
		})
	}
}

func problems(err error) []directory.Problem {
	if e, ok := errors.AsType[*directory.Error](err); ok {
		return e.Problems
	}
	return nil
}

func TestMatchNeverGuesses(t *testing.T) {
	list := func(entries ...directory.Entry) directory.Options { return directory.Options{List: entries} }
	names := directory.Options{DisplayNames: true}
	for _, c := range []struct {
		name                string
		source, destination []endpoint.Account
		options             directory.Options
		want                string
	}{
		{"two with the alias", accounts("a@x"), accounts("b@y a@x", "a@x"), directory.Options{}, `by address, the account fits 2 of the destination; say in the list where it goes: from ["a@x"] to ["b@y" "a@x"]`},
		{
			"rules that differ", accounts("a@x"), accounts("a@y", "a@z"),
			directory.Options{Rules: []directory.Rule{directory.ReplaceDomain("x", "y"), directory.ReplaceDomain("x", "z")}},
			`by rule, the account fits 2`,
		},
		{"two of a name there", accounts("a@x/Ann"), accounts("a@y/Ann", "b@y/Ann"), names, `by display name, the account fits 2`},
		{"two of a name here", accounts("a@x/Ann", "c@y/Ann"), accounts("a@y/Ann", "c@y/Bob"), names, `2 accounts of the source have this display name`},
		{"two to one", accounts("a@x", "b@x a@x"), accounts("a@x"), directory.Options{}, `2 accounts of the source would go to one of the destination; say in the list which of them does: from ["a@x" "b@x"] to ["a@x"]`},
		{"list against address", accounts("a@x", "b@x"), accounts("a@x"), list(directory.Entry{Source: "b@x", Destination: "a@x", Line: 3}), `line 3: 2 accounts of the source would go to one`},
		{"listed twice", accounts("a@x b@x"), accounts("a@x"), list(directory.Entry{Source: "a@x", Line: 1}, directory.Entry{Source: "b@x", Line: 2}), `line 2: the account of the source is in line 1, too`},
		{"listed source is unknown", accounts("a@x"), accounts("a@x"), list(directory.Entry{Source: "b@x", Destination: "a@x", Line: 4}), `line 4: 0 accounts of the source have the first address`},
		{"listed destination is unknown", accounts("a@x"), accounts("a@x"), list(directory.Entry{Source: "a@x", Destination: "b@x", Line: 5}), `line 5: 0 accounts of the destination have the second address`},
		{"listed alias of two", accounts("a@x c@x", "b@x c@x"), nil, list(directory.Entry{Source: "c@x", Line: 6}), `line 6: 2 accounts of the source have the first address`},
		{"no address", accounts("a@x"), []endpoint.Account{{DisplayName: "Ann"}}, directory.Options{}, `account 0 of the destination has no address`},
		{"the same account twice", accounts("a@x", "a@x"), accounts("a@x"), directory.Options{}, `2 accounts of the source would go to one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := directory.Match(c.source, c.destination, c.options)
			list := problems(err)
			if p != nil || len(list) == 0 {
				t.Fatalf("%+v, error %v", p, err)
			}
			if !strings.HasPrefix(list[0].String(), c.want) {
				t.Errorf("have %s\nwant %s", list[0], c.want)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("there is an address in %v", err)
			}
		})
	}
}

// TestMatchTellsAllProblems has one of each.
func TestMatchTellsAllProblems(t *testing.T) {
	source := accounts("a@x", "b@x/Bob", "c@x", "d@x c@x")
	destination := accounts("e@y a@x", "f@y a@x", "g@y/Bob", "h@y/Bob", "c@x")
	_, err := directory.Match(source, destination, directory.Options{
		DisplayNames: true, List: []directory.Entry{{Source: "z@x", Line: 2}},
	})
	if n := len(problems(err)); n != 4 || !strings.Contains(err.Error(), "problems: 4\nline 2: ") {
		t.Errorf("%d problems: %v", n, err)
	}
}

func TestManyOfOneNameAreShortlyTold(t *testing.T) {
	var many []endpoint.Account
	for i := range 20000 {
		many = append(many, endpoint.Account{Address: fmt.Sprintf("%d@x", i), DisplayName: "User"})
	}
	_, err := directory.Match(accounts("a@y/User"), many, directory.Options{DisplayNames: true})
	if list := problems(err); len(list) != 1 || len(list[0].Destination) != 10 || !strings.Contains(list[0].Reason, "20000") {
		t.Errorf("%d problems, error %v", len(list), err)
	}
}

// TestMatchProperties tries small organisations in which much is alike.
func TestMatchProperties(t *testing.T) {
	paired, refused := map[directory.Evidence]int{}, 0
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		source, destination, o := organisation(r, "x"), organisation(r, "y"), options(r)
		p, err := directory.Match(source, destination, o)
		if err != nil {
			refused++
			if len(problems(err)) == 0 || p != nil {
				t.Fatalf("seed %d: %+v, error %v", seed, p, err)
			}
			continue
		}
		checkPairing(t, seed, p, source, destination)
		checkEvidence(t, seed, p, destination, o)
		for _, pair := range p.Pairs {
			paired[pair.By]++
		}
		checkOrder(t, seed, r, p, source, destination, o)
	}
	if len(paired) != 4 || refused == 0 {
		t.Errorf("not everything was tried: %v pairs, %d refused", paired, refused)
	}
}

// checkPairing checks that each account of the source is somewhere once, and that no account of the
// destination gets two.
func checkPairing(t *testing.T, seed uint64, p *directory.Pairing, source, destination []endpoint.Account) {
	t.Helper()
	from, to := map[string]int{}, map[string]int{}
	for _, pair := range p.Pairs {
		from[pair.Source.Address]++
		to[pair.Destination.Address]++
	}
	for address, n := range to {
		if n > 1 {
			t.Fatalf("seed %d: %d accounts go to %s", seed, n, address)
		}
	}
	for _, a := range slices.Concat(p.Unmatched, p.LeftOut) {
		from[a.Address]++
	}
	for _, a := range p.Unused {
		to[a.Address]++
	}
	for side, has := range map[*[]endpoint.Account]map[string]int{&source: from, &destination: to} {
		for _, a := range *side {
			if has[a.Address] != 1 {
				t.Fatalf("seed %d: %s is %d times in %s", seed, a.Address, has[a.Address], show(p))
			}
		}
		if len(has) != len(*side) {
			t.Fatalf("seed %d: %d accounts became %d", seed, len(*side), len(has))
		}
	}
}

// checkEvidence checks by brute force that each pair was found by the best evidence that there is, which
// fits no other account, and that nothing fits what is unmatched.
func checkEvidence(t *testing.T, seed uint64, p *directory.Pairing, destination []endpoint.Account, o directory.Options) {
	t.Helper()
	check := func(source endpoint.Account, by directory.Evidence, want ...string) {
		var fit []string
		for _, d := range destination {
			if fits(by, source, d, o) {
				fit = append(fit, d.Address)
			}
		}
		if !slices.Equal(fit, want) {
			t.Fatalf("seed %d: by %v, %v fits %v in %s", seed, by, source, fit, show(p))
		}
	}
	evidence := []directory.Evidence{directory.ByRule, directory.ByAddress, directory.ByDisplayName}
	for _, pair := range p.Pairs {
		for _, by := range evidence {
			switch {
			case by < pair.By && pair.By != directory.ByList:
				check(pair.Source, by)
			case by == pair.By:
				check(pair.Source, by, pair.Destination.Address)
			}
		}
	}
	for _, a := range p.Unmatched {
		for _, by := range evidence {
			check(a, by)
		}
	}
}

// fits reports whether evidence speaks for a pair. The accounts are those of organisation.
func fits(by directory.Evidence, source, destination endpoint.Account, o directory.Options) bool {
	switch by {
	case directory.ByRule:
		return len(o.Rules) > 0 && destination.Address == o.Rules[0](source.Address)
	case directory.ByAddress:
		return slices.ContainsFunc(source.Aliases, func(alias string) bool { return slices.Contains(destination.Aliases, alias) })
	case directory.ByDisplayName:
		return o.DisplayNames && source.DisplayName != "" && source.DisplayName == destination.DisplayName
	case directory.ByList:
	}
	return false
}

// checkOrder checks that the order of accounts decides nothing.
func checkOrder(t *testing.T, seed uint64, r *rand.Rand, p *directory.Pairing, source, destination []endpoint.Account, o directory.Options) {
	t.Helper()
	for _, list := range [][]endpoint.Account{source, destination} {
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	again, err := directory.Match(source, destination, o)
	if err != nil {
		t.Fatalf("seed %d: in another order: %v", seed, err)
	}
	parts := func(p *directory.Pairing) []string { return slices.Sorted(strings.SplitSeq(show(p), ", ")) }
	if !slices.Equal(parts(p), parts(again)) {
		t.Fatalf("seed %d: %s, in another order %s", seed, show(p), show(again))
	}
}

// organisation makes accounts with different primary addresses and few different aliases and names.
func organisation(r *rand.Rand, domain string) []endpoint.Account {
	var list []endpoint.Account
	for i := range r.IntN(5) {
		a := endpoint.Account{Address: fmt.Sprintf("%c@%s", 'a'+i, domain)}
		for range r.IntN(2) {
			a.Aliases = append(a.Aliases, fmt.Sprintf("alias%d@both", r.IntN(8)))
		}
		if r.IntN(2) == 0 {
			a.DisplayName = fmt.Sprint("Name ", r.IntN(8))
		}
		list = append(list, a)
	}
	return list
}

func options(r *rand.Rand) directory.Options {
	o := directory.Options{DisplayNames: r.IntN(2) == 0}
	if r.IntN(3) == 0 {
		o.Rules = []directory.Rule{directory.ReplaceDomain("x", "y")}
	}
	for range r.IntN(3) {
		e := directory.Entry{Source: fmt.Sprintf("%c@x", 'a'+r.IntN(5))}
		if r.IntN(3) > 0 {
			e.Destination = fmt.Sprintf("%c@y", 'a'+r.IntN(5))
		}
		o.List = append(o.List, e)
	}
	return o
}

// org is a directory that may break in the middle.
type org struct {
	accounts []endpoint.Account
	err      error
}

func (o org) Accounts(context.Context) iter.Seq2[endpoint.Account, error] {
	return func(yield func(endpoint.Account, error) bool) {
		for _, a := range o.accounts {
			if !yield(a, nil) {
				return
			}
		}
		if o.err != nil {
			yield(endpoint.Account{}, o.err)
		}
	}
}

func TestCollect(t *testing.T) {
	list := accounts("a@x", "b@x")
	have, err := directory.Collect(t.Context(), org{accounts: list})
	if err != nil || len(have) != 2 {
		t.Errorf("%v, error %v", have, err)
	}
	lost := errors.New("connection lost")
	if have, err := directory.Collect(t.Context(), org{list, lost}); have != nil || !errors.Is(err, lost) {
		t.Errorf("of a broken list: %v, error %v", have, err)
	}
}
