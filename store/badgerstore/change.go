package badgerstore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

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
	recent *recent
	secret [32]byte
	writes map[string]entry // by key; a nil value deletes

	tally      tally // what the writes change
	meta       *store.Meta
	names      list[string]
	validities list[string]
	flags      list[string]
	epochs     list[epoch]
	dropped    map[uint32]bool // folders whose sightings go
	reset      []byte
	lastPass   uint64
	swept      bool // whether dropped sightings are no longer there
	written    []write
	changed    bool // whether the summary is written
}

// write is what really changes.
type write struct {
	entry      // without a value where it is deleted
	fresh bool // there was none
}

func newChange(st *state, known *recent, secret [32]byte) *change {
	return &change{
		state: st, recent: known, secret: secret, writes: map[string]entry{}, tally: newTally(),
		names: newList[string](), validities: newList[string](), flags: newList[string](), epochs: newList[epoch](),
		dropped: map[uint32]bool{}, reset: st.reset, lastPass: st.lastPass,
	}
}

func (c *change) set(key, value []byte) { c.writes[string(key)] = entry{key, value} }
func (c *change) delete(key []byte)     { c.set(key, nil) }

// batch puts in what a batch deletes, then what it adds, so that one batch can replace everything
// that is known of a folder. More batches may follow if they only add.
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
	were := c.state.folders[name].sightings
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
	c.set(c.state.tag.key(kindMeta), encodeMeta(c.state.pair, m))
}

// setReset notes a reset that has begun; nil notes that it has ended.
func (c *change) setReset(progress []byte) {
	c.reset = progress
	c.set(c.state.tag.key(kindReset), progress)
}

func (c *change) addRecord(r store.Record) {
	shared := sharedNumbers{
		epoch:    c.epoch(epoch{r.Types, r.Generation}),
		validity: c.text(kindValidity, c.state.validities, &c.validities, r.Validity),
	}
	if r.Flags != "" {
		shared.flags = c.text(kindFlags, c.state.flags, &c.flags, r.Flags)
	}
	c.set(c.state.tag.record(c.name(r.Folder), r.ID), encodeRecord(r, shared))
}

func (c *change) addPass(p store.Pass) {
	if p.Number == 0 {
		p.Number = c.lastPass + 1
	}
	c.lastPass = max(c.lastPass, p.Number)
	c.set(c.state.tag.pass(p.Number), encodePass(p))
}

func (c *change) name(name string) uint32 {
	number, fresh := number(c.state.names, &c.names, name)
	if fresh {
		c.set(c.state.tag.numbered(kindName, number), []byte(name))
	}
	return number
}

func (c *change) epoch(v epoch) uint32 {
	number, fresh := number(c.state.epochs, &c.epochs, v)
	if fresh {
		c.set(c.state.tag.numbered(kindEpoch, number), encodeEpoch(v))
	}
	return number
}

// text returns the number of a text in a list, or 0 for one that is too long or one too many.
func (c *change) text(k kind, old list[string], fresh *list[string], text string) uint32 {
	_, known := old.numbers[text]
	full := len(old.values)+len(fresh.values) >= maxShared
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
func number[T comparable](old list[T], fresh *list[T], value T) (n uint32, isNew bool) {
	if n, known := old.numbers[value]; known {
		return n, false
	}
	first := uint32(len(old.values))
	if n, known := fresh.numbers[value]; known {
		return first + n, false
	}
	fresh.append(value)
	return first + uint32(len(fresh.values)), true
}

// write puts the change, and what sums it up, into a transaction. It returns the position after it;
// nothing happened to a pair whose position stays.
func (c *change) write(s *Store, txn *badger.Txn) (position, error) {
	old := s.db.NewTransaction(false) // what is overwritten; a transaction that writes remembers what it read
	defer old.Discard()
	c.written = make([]write, 0, len(c.writes))
	for _, e := range c.writes {
		if err := c.writeEntry(old, txn, e); err != nil {
			return position{}, err
		}
	}
	if err := c.writeFolders(old, txn); err != nil {
		return position{}, err
	}
	if !c.changed {
		return c.state.at, nil
	}
	sum := c.summary()
	sum.at.seq++
	key := summaryKey(c.state.tag)
	return sum.at, txn.Set(key, sealValue(key, sum.encode()))
}

// summary is that of the pair after the change, but for its seq.
func (c *change) summary() summary {
	sum := summary{at: c.state.at, passes: c.state.passes, lastPass: c.lastPass, stats: maps.Clone(c.state.stats)}
	sum.at.count += c.tally.at.count
	sum.at.digest.toggle(c.tally.at.digest)
	sum.passes.add(c.tally.passes)
	addCounts(sum.stats, c.tally.stats)
	return sum
}

// writeFolders writes the sums of the folders that the change touches.
func (c *change) writeFolders(old, txn *badger.Txn) error {
	touched := slices.Collect(maps.Keys(c.tally.folders))
	if c.swept {
		touched = slices.AppendSeq(touched, maps.Keys(c.state.litter))
	}
	for _, name := range touched {
		sums := c.state.folders[name]
		sums.add(c.tally.folders[name])
		e := entry{c.state.tag.numbered(kindFolder, name), encodeFolder(sums, c.litters(name))}
		if err := c.writeEntry(old, txn, e); err != nil {
			return err
		}
	}
	return nil
}

// litters reports whether a folder has dropped sightings after the change.
func (c *change) litters(name uint32) bool {
	return c.dropped[name] || c.state.litter[name] && !c.swept
}

func (c *change) writeEntry(old, txn *badger.Txn, e entry) error {
	if len(e.value) > maxEntry {
		return fmt.Errorf("%w: one entry has %d bytes, at most %d", store.ErrTooLarge, len(e.value), maxEntry)
	}
	was, known := c.recent.value(c.state, e.key)
	if !known {
		var err error
		if was, err = get(old, e.key); err != nil {
			return err
		}
	}
	if equal(was, e.value) {
		return nil
	}
	c.changed = true
	c.written = append(c.written, write{e, was == nil})
	if was != nil {
		if _, err := c.tally.account(c.secret, e.key, was, -1); err != nil {
			return err
		}
	}
	if e.value == nil {
		return txn.Delete(e.key)
	}
	if _, err := c.tally.account(c.secret, e.key, e.value, 1); err != nil {
		return err
	}
	return txn.Set(e.key, sealValue(e.key, e.value))
}

// done brings the state to what was written.
func (c *change) done(at position) {
	c.recent.wrote(c.written)
	st := c.state
	st.tally.add(c.tally)
	st.at.seq = at.seq
	st.lastPass, st.reset = c.lastPass, c.reset
	if c.meta != nil {
		st.meta = *c.meta
	}
	if c.swept {
		clear(st.litter)
	}
	for name := range c.dropped {
		st.incarnations[name]++
		st.litter[name] = true
	}
	merge(&st.names, c.names)
	merge(&st.validities, c.validities)
	merge(&st.flags, c.flags)
	merge(&st.epochs, c.epochs)
}

func merge[T comparable](into *list[T], from list[T]) {
	for _, value := range from.values {
		into.append(value)
	}
}
