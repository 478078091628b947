package badgerstore

import (
	"bytes"
	"fmt"
	"maps"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
)

const (
	// maxEntry is the most bytes of one value. Longer ones would go to Badger's value log, which
	// this package takes for empty.
	maxEntry = 1 << 19
	// maxShared is how many validities, and how many flags, a pair numbers, and maxSharedText how
	// long each may be. Others stand in the records themselves.
	maxShared     = 1 << 12
	maxSharedText = 128
)

// change is one commit in the making. It changes neither the database nor the state before it is
// written as a whole.
type change struct {
	state  *state
	secret [32]byte
	writes map[string][]byte // by key; nil deletes

	tally      tally // what the writes change
	meta       *store.Meta
	names      list[string]
	validities list[string]
	flags      list[string]
	epochs     list[epoch]
	dropped    map[uint32]bool // folders whose sightings go
	reset      []byte
	lastPass   uint64
	second     bool // whether it has what only secondFormat can say
}

func newChange(st *state, secret [32]byte) *change {
	return &change{
		state: st, secret: secret, writes: map[string][]byte{}, tally: newTally(),
		names: newList[string](), validities: newList[string](), flags: newList[string](), epochs: newList[epoch](),
		dropped: map[uint32]bool{}, reset: st.reset, lastPass: st.lastPass,
	}
}

func (c *change) set(key, value []byte) { c.writes[string(key)] = value }
func (c *change) delete(key []byte)     { c.writes[string(key)] = nil }

// batch puts in what a batch deletes, then what it adds, so that one batch can replace everything
// that is known of a folder.
func (c *change) batch(b *store.Batch) {
	c.remove(b)
	if b.Meta != nil {
		meta := *b.Meta
		meta.Profile = bytes.Clone(meta.Profile)
		c.setMeta(meta)
	}
	for _, r := range b.Records {
		c.addRecord(r)
	}
	for _, f := range b.Folders {
		c.set(c.state.tag.position(f.Side, c.name(f.Name)), encodePosition(f))
	}
	for _, s := range b.Sightings {
		name := c.name(s.Folder)
		c.set(c.state.tag.sighting(name, c.incarnation(name), s.Ref), encodeSighting(s))
	}
	if b.Pass != nil {
		c.addPass(*b.Pass)
	}
}

func (c *change) remove(b *store.Batch) {
	for _, r := range b.Forget {
		if name, known := c.state.names.numbers[r.Folder]; known {
			c.delete(c.state.tag.record(name, r.ID))
		}
	}
	for _, f := range b.Unscan {
		if name, known := c.state.names.numbers[f.Name]; known {
			c.delete(c.state.tag.position(f.Side, name))
			if f.Side == store.Destination {
				c.drop(name)
			}
		}
	}
	for _, s := range b.Unsee {
		if name, known := c.state.names.numbers[s.Folder]; known {
			c.delete(c.state.tag.sighting(name, c.incarnation(name), s.Ref))
		}
	}
}

// drop lets all sightings of a folder go at once, however many there are: the next ones have
// another incarnation in their keys, and sweep deletes the old ones later.
func (c *change) drop(name uint32) {
	were := c.state.sightings[name]
	if were.count == 0 || c.dropped[name] {
		return
	}
	c.dropped[name] = true
	c.tally.dropSightings(name, were)
	var e encoder
	e.uint(uint64(c.incarnation(name)))
	c.set(c.state.tag.numbered(kindIncarnation, name), e.b)
}

func (c *change) incarnation(name uint32) uint32 {
	if c.dropped[name] {
		return c.state.incarnations[name] + 1
	}
	return c.state.incarnations[name]
}

func (c *change) setMeta(m store.Meta) {
	c.meta = &m
	c.second = c.second || metaBits(m) != 0
	c.set(c.state.tag.key(kindMeta), encodeMeta(c.state.pair, m))
}

// setReset notes a reset that has begun; nil notes that it has ended.
func (c *change) setReset(progress []byte) {
	c.reset = progress
	c.second = c.second || len(progress) > 0 && progress[0] == resetHistory
	c.set(c.state.tag.key(kindReset), progress)
}

func (c *change) addRecord(r store.Record) {
	c.second = c.second || isSecond(r)
	shared := sharedNumbers{
		epoch:    c.epoch(epoch{r.Types, r.Generation}),
		validity: c.text(kindValidity, c.state.validities, c.validities, r.Validity),
	}
	if r.Flags != "" {
		shared.flags = c.text(kindFlags, c.state.flags, c.flags, r.Flags)
	}
	c.set(c.state.tag.record(c.name(r.Folder), r.ID), encodeRecord(r, shared))
}

func (c *change) addPass(p store.Pass) {
	if p.Number == 0 {
		p.Number = c.state.lastPass + 1
	}
	c.lastPass = max(c.lastPass, p.Number)
	c.set(c.state.tag.pass(p.Number), encodePass(p))
}

func (c *change) name(name string) uint32 {
	number, fresh := number(c.state.names, c.names, name)
	if fresh {
		c.set(c.state.tag.numbered(kindName, number), []byte(name))
	}
	return number
}

func (c *change) epoch(v epoch) uint32 {
	number, fresh := number(c.state.epochs, c.epochs, v)
	if fresh {
		c.set(c.state.tag.numbered(kindEpoch, number), encodeEpoch(v))
	}
	return number
}

// text returns the number of a text in a list, or 0 for one that is too long or one too many.
func (c *change) text(k kind, old, fresh list[string], text string) uint32 {
	_, known := old.numbers[text]
	full := len(old.numbers)+len(fresh.numbers) >= maxShared
	if !known && (full || len(text) > maxSharedText) {
		return 0
	}
	number, isNew := number(old, fresh, text)
	if isNew {
		c.set(c.state.tag.numbered(k, number), []byte(text))
	}
	return number
}

// number returns the number of a value, taking the next one for a value that is new.
func number[T comparable](old, fresh list[T], value T) (n uint32, isNew bool) {
	if n, known := old.numbers[value]; known {
		return n, false
	}
	if n, known := fresh.numbers[value]; known {
		return n, false
	}
	n = uint32(len(old.numbers) + len(fresh.numbers) + 1)
	fresh.add(n, value)
	return n, true
}

// write puts the change and the summary that goes with it into a transaction. It returns the
// position after it; nothing happened to a pair whose position stays.
func (c *change) write(s *Store, txn *badger.Txn) (position, error) {
	for key, value := range c.writes {
		if err := c.writeEntry(s, txn, []byte(key), value); err != nil {
			return position{}, err
		}
	}
	sum := summary{at: c.state.at, passes: c.state.passes + c.tally.passes, lastPass: c.lastPass}
	sum.at.count += c.tally.at.count
	sum.at.digest.toggle(c.tally.at.digest)
	if sum.at == c.state.at {
		return sum.at, nil
	}
	sum.at.seq++
	key := summaryKey(c.state.tag)
	return sum.at, txn.Set(key, sealValue(key, sum.encode()))
}

func (c *change) writeEntry(s *Store, txn *badger.Txn, key, value []byte) error {
	if len(value) > maxEntry {
		return fmt.Errorf("%w: one entry has %d bytes, at most %d", store.ErrTooLarge, len(value), maxEntry)
	}
	old, err := s.get(txn, key)
	if err != nil || old == nil && value == nil || old != nil && value != nil && bytes.Equal(old, value) {
		return err
	}
	if old != nil {
		if err := c.tally.account(c.secret, key, old, -1); err != nil {
			return err
		}
	}
	if value == nil {
		return txn.Delete(key)
	}
	if err := c.tally.account(c.secret, key, value, 1); err != nil {
		return err
	}
	return txn.Set(key, sealValue(key, bytes.Clone(value)))
}

// done brings the state to what was written.
func (c *change) done(at position) {
	st := c.state
	st.tally.add(c.tally)
	st.at.seq = at.seq
	st.lastPass, st.reset = c.lastPass, c.reset
	if c.meta != nil {
		st.meta = *c.meta
	}
	for name := range c.dropped {
		st.incarnations[name]++
	}
	merge(st.names, c.names)
	merge(st.validities, c.validities)
	merge(st.flags, c.flags)
	merge(st.epochs, c.epochs)
}

func merge[T comparable](into, from list[T]) {
	maps.Copy(into.numbers, from.numbers)
	maps.Copy(into.values, from.values)
}
