package directory

import (
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// index finds the accounts of one organisation, which are known by their numbers.
type index struct {
	accounts []endpoint.Account
	primary  map[string][]int // by primary address, folded
	all      map[string][]int // by primary address or alias, folded
	names    map[string][]int // by display name, folded
}

func newIndex(accounts []endpoint.Account) index {
	x := index{accounts, map[string][]int{}, map[string][]int{}, map[string][]int{}}
	for i, a := range accounts {
		note(x.primary, fold(a.Address), i)
		for _, address := range addresses(a) {
			note(x.all, address, i)
		}
		note(x.names, foldName(a.DisplayName), i)
	}
	return x
}

// note enters an account under a key once. Accounts come in order.
func note(m map[string][]int, key string, account int) {
	list := m[key]
	if key == "" || len(list) > 0 && list[len(list)-1] == account {
		return
	}
	m[key] = append(list, account)
}

// find returns the accounts that somebody who writes an address means: those whose primary address
// it is, else those of which it is an alias.
func (x index) find(address string) []int {
	if list := x.primary[fold(address)]; len(list) > 0 {
		return list
	}
	return x.all[fold(address)]
}

// show returns the primary addresses of accounts, the first ten at most.
func (x index) show(accounts []int) []string {
	var list []string
	for _, i := range accounts[:min(len(accounts), 10)] {
		list = append(list, x.accounts[i].Address)
	}
	return list
}

// addresses returns the primary address and the aliases of an account, folded.
func addresses(a endpoint.Account) []string {
	list := []string{fold(a.Address)}
	for _, alias := range a.Aliases {
		list = append(list, fold(alias))
	}
	return list
}

// fold makes addresses comparable. Letters beyond ASCII stay as they are: some have the lower case
// of another letter.
func fold(address string) string {
	lower := []byte(address)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}

func foldName(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }
