package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// openExisting opens a database, but makes none.
func openExisting(s settings) (store.Store, watermark.Key, error) {
	if _, err := os.Stat(s.state); err != nil {
		return nil, watermark.Key{}, fmt.Errorf("-state: %w", err)
	}
	key, err := loadKey(s)
	if err != nil {
		return nil, key, err
	}
	db, err := badgerstore.Open(s.state, &badgerstore.Options{Key: key})
	return db, key, err
}

// openPair opens a database that must know the pair.
func openPair(ctx context.Context, s settings) (store.Store, watermark.Key, error) {
	db, key, err := openExisting(s)
	if err != nil {
		return nil, key, err
	}
	if _, err := knownPairs(ctx, db, s.pair); err != nil {
		return nil, key, errors.Join(err, db.Close())
	}
	return db, key, nil
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
