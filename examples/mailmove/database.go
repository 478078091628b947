package main

import (
	"context"
	"fmt"
	"os"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
)

// openExisting opens a database, but makes none.
func openExisting(s settings) (store.Store, error) {
	if _, err := os.Stat(s.state); err != nil {
		return nil, fmt.Errorf("-state: %w", err)
	}
	key, err := loadKey(s)
	if err != nil {
		return nil, err
	}
	return badgerstore.Open(s.state, &badgerstore.Options{Key: key})
}

// knownPairs returns the pairs of a database, or the one that was asked for.
func knownPairs(ctx context.Context, db store.Store, wanted string) (pairs []store.Pair, err error) {
	for pair, err := range db.Pairs(ctx) {
		if err != nil {
			return nil, err
		}
		if wanted == "" || wanted == pair.ID {
			pairs = append(pairs, pair)
		}
	}
	if wanted != "" && len(pairs) == 0 {
		return nil, fmt.Errorf("%w in this database", store.ErrPair)
	}
	return pairs, nil
}
