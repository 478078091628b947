package graphendpoint

import (
	"context"
	"iter"
	"sync"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// partials remembers which items were begun and never made whole, by folder and mark, so that the next put of a mark takes away what an
// earlier one left. It is filled whenever the marks of a folder are listed, which comes before a put is repeated.
type partials struct {
	mu      sync.Mutex
	folders map[string]map[string][]string // IDs by mark, by folder
}

// replace remembers the partial items of a folder, and forgets all others of it.
func (p *partials) replace(folder string, ids map[string][]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.folders == nil {
		p.folders = make(map[string]map[string][]string)
	}
	p.folders[folder] = ids
}

// add remembers one more.
func (p *partials) add(folder string, mark watermark.Mark, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ids := p.folders[folder]; ids != nil {
		ids[mark.String()] = append(ids[mark.String()], id)
	}
}

// wholeSightings yields the items of a folder that are marked, and remembers those that are not whole.
func wholeSightings[T models.Entityable](p *partials, folder string, items iter.Seq2[T, error],
	mark func(T) watermark.Reading, partialMark func(T) string,
) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		partial := map[string][]string{}
		noted := mapped(items, func(it T) (T, bool) {
			if mark := partialMark(it); mark != "" {
				partial[mark] = append(partial[mark], idOf(it))
			}
			return it, true
		})
		for seen, err := range sightings(noted, mark) {
			if !yield(seen, err) || err != nil {
				return
			}
		}
		p.replace(folder, partial)
	}
}

// take forgets the partial items of a mark and returns them. Without known, the folder was not looked at yet.
func (p *partials) take(folder string, mark watermark.Mark) (ids []string, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, known := p.folders[folder]
	ids = all[mark.String()]
	delete(all, mark.String())
	return ids, known
}

// clear deletes the partial items of a mark. scan lists the marks of the folder, where that was not done yet; discard deletes one item
// if it is still partial.
func (p *partials) clear(folder string, mark watermark.Mark, scan func() error, discard func(id string) error) error {
	ids, known := p.take(folder, mark)
	if !known {
		if err := scan(); err != nil {
			return err
		}
		ids, _ = p.take(folder, mark)
	}
	for _, id := range ids {
		if err := discard(id); err != nil && !hasCode(err, endpoint.NotFound) {
			p.add(folder, mark, id)
			return err
		}
	}
	return nil
}

// givenUp is what becomes of the error that kept an item from being made whole, once it was tried to delete it. Where it is gone, it will
// not come; where it may be there, it may even be whole.
func givenUp(ctx context.Context, err, deleted error) error {
	switch {
	case deleted != nil && !hasCode(deleted, endpoint.NotFound):
		return endpoint.Errorf(endpoint.InDoubt, "%w", err)
	case ctx.Err() != nil:
		return ctx.Err()
	case hasCode(err, endpoint.InDoubt):
		return endpoint.Errorf(endpoint.Unavailable, "%w", err)
	}
	return err
}
