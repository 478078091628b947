package pass

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// minter makes and judges the marks of one pair, for one generation and pair of endpoint types.
type minter struct {
	keys       []watermark.Key // the first makes marks, all verify them
	tags       []watermark.PairTag
	reverse    []watermark.PairTag // of pairs that went the other way
	types      watermark.Types
	pair       string
	generation uint32
	// watch tells what else than coming and going this pass looks at in the source: a position
	// that was reached without looking at it is none.
	watch string
}

func newMinter(c Config, p Pair, generation uint32) minter {
	m := minter{
		keys:       append([]watermark.Key{c.Key}, c.OldKeys...),
		types:      watermark.Types{Source: p.Source.Info().Type, Destination: p.Destination.Info().Type},
		pair:       p.ID,
		generation: generation,
	}
	for _, k := range m.keys {
		m.tags = append(m.tags, k.Tag(p.ID))
	}
	if p.ReverseOf != "" {
		m.addReverse(p.ReverseOf)
	}
	return m
}

func (m *minter) addReverse(pair string) {
	for _, k := range m.keys {
		m.reverse = append(m.reverse, k.Tag(pair))
	}
}

// verdict is what a mark means to this pair.
type verdict uint8

const (
	foreign   verdict = iota // made without our keys, or forged
	otherPair                // ours, of another pair
	void                     // of this pair, but of another generation or other endpoint types
	current                  // protects its item
)

// judge says what a mark means, and for a current or void one of which generation it is. A
// generation above our own shows that the database forgot one: see scanner.scan.
func (m minter) judge(mark watermark.Mark) (verdict, uint32) {
	made := func(k watermark.Key) bool {
		_, ok := k.Verify(mark, 1)
		return ok
	}
	i := slices.Index(m.tags, mark.Pair)
	if i < 0 {
		if slices.ContainsFunc(m.keys, made) {
			return otherPair, 0
		}
		return foreign, 0
	}
	generation, ok := m.keys[i].Verify(mark, m.generation)
	switch {
	case !ok:
		return foreign, 0
	case mark.Types != m.types || generation < m.generation:
		return void, generation
	}
	return current, generation
}

// ids returns the IDs that an item may have, one for each key.
func (m minter) ids(path []string, kind endpoint.Kind, identity string, ordinal int) []watermark.ID {
	ids := make([]watermark.ID, len(m.keys))
	for i, k := range m.keys {
		ids[i] = k.ItemID(m.item(path, kind, identity, ordinal))
	}
	return ids
}

// id returns the one under the key that makes marks.
func (m minter) id(path []string, kind endpoint.Kind, identity string, ordinal int) watermark.ID {
	return m.keys[0].ItemID(m.item(path, kind, identity, ordinal))
}

func (m minter) item(path []string, kind endpoint.Kind, identity string, ordinal int) watermark.Item {
	return watermark.Item{
		Types: m.types, Pair: m.pair, Generation: m.generation, Kind: kind.String(),
		Folder: path, Identity: identity, Ordinal: ordinal,
	}
}

func (m minter) mark(id watermark.ID) watermark.Mark {
	return m.keys[0].Mark(m.types, m.pair, m.generation, id)
}

// cameFromHere reports whether marks on an item of the source say that it was migrated from this
// very destination.
func (m minter) cameFromHere(r watermark.Reading) bool {
	for _, mark := range r.Marks {
		for _, k := range m.keys {
			if _, ok := k.Verify(mark, 1); ok && slices.Contains(m.reverse, mark.Pair) {
				return true
			}
		}
	}
	return false
}

// owns reports whether a record is of our types and generation; others are void.
func (m minter) owns(r store.Record) bool {
	return r.Types == m.types && r.Generation == m.generation
}

// bindings stand for the address of a mailbox, which they do not show: one for each key, since
// earlier passes may have used another. The type of the endpoint is no part of them: the mailbox
// stays the same when it is reached in another way.
func (m minter) bindings(info endpoint.Info) []store.Binding {
	all := make([]store.Binding, len(m.keys))
	for i, k := range m.keys {
		secret := k.Derive("binding " + info.Account)
		all[i] = store.Binding(secret[:16])
	}
	return all
}

// binding is the one under the key that makes marks.
func (m minter) binding(info endpoint.Info) store.Binding { return m.bindings(info)[0] }

// position says that a folder was gone through under these marks. With settled, it may be gone on
// from there; without, it is to be looked at whole next time.
func (m minter) position(side store.Side, f endpoint.Folder, settled bool) store.Folder {
	p := store.Folder{Side: side, Name: store.FolderKey(f.Path), Validity: f.Validity}
	if settled && f.State != "" {
		p.State = m.realm(side) + f.State
	}
	return p
}

// reached returns the state of a folder up to which it was gone through, or nothing if it never was,
// its references are void, or it was done under other marks.
func (m minter) reached(p store.Folder, f endpoint.Folder) string {
	state, ours := strings.CutPrefix(p.State, m.realm(p.Side))
	if !ours || p.Validity != f.Validity {
		return ""
	}
	return state
}

// realm tells apart positions that were reached with different keys, types and generations: what
// one of them does not recognise, another may.
func (m minter) realm(side store.Side) string {
	realm := fmt.Sprintf("%s.%s.%v.%d", m.types.Source, m.types.Destination, m.tags, m.generation)
	if side == store.Source {
		realm += m.watch
	}
	return realm + " "
}

// of returns the minter of another generation.
func (m minter) of(generation uint32) minter {
	m.generation = generation
	return m
}
