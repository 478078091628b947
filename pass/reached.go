package pass

import (
	"context"
	"slices"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
)

// reached are the folders of the destination into which a pass put items, or may have. It is safe for concurrent use.
type reached struct {
	mu      sync.Mutex
	folders []endpoint.Folder
}

func (r *reached) add(f endpoint.Folder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.folders = append(r.folders, f)
}

func (r *reached) all() []endpoint.Folder {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.folders)
}

// lookBack is glance, and looks also into those of the folders which the destination does not list: a server that leaves one out of its
// listing for a moment must not make what is in it seem lost. One that is not there any more holds nothing.
func (r *running) lookBack(ctx context.Context, written *idSet) (*view, error) {
	v, err := r.glance(ctx, false, written)
	if err != nil {
		return nil, err
	}
	for _, f := range r.reached.all() {
		listed := func(l endpoint.Folder) bool { return l.ID == f.ID || slices.Equal(l.Path, f.Path) }
		if f.ID == "" && f.Path == nil || slices.ContainsFunc(v.folders, listed) {
			continue
		}
		if err := r.scanner().scanFolder(ctx, v, &f, "", false); err != nil && endpoint.CodeOf(err) != endpoint.NotFound {
			return nil, err
		}
	}
	return v, nil
}

// lookBackWhole is lookBack, and loads what is remembered of the destination.
func (r *running) lookBackWhole(ctx context.Context) (*view, error) {
	v, err := r.lookBack(ctx, nil)
	if err != nil {
		return nil, err
	}
	return v, v.load(ctx)
}
