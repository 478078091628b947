package graphendpoint

import (
	"io"

	"github.com/dandyroll/dandyroll/endpoint"
)

// maxSmall bounds contacts, events and tasks, which are taken apart in memory: a photo or files in base64, and as much again.
const maxSmall = 16 << 20

// contentBytes reads all of a small content, which has to be of its size.
func contentBytes(c endpoint.Content) ([]byte, error) {
	if c.Size() > maxSmall {
		return nil, endpoint.Errorf(endpoint.TooLarge, "contacts, events and tasks are at most %d bytes", maxSmall)
	}
	r, err := c.Open()
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Damaged, "the content of the item cannot be read: %w", err)
	}
	defer func() { _ = r.Close() }()
	all, err := io.ReadAll(io.LimitReader(r, c.Size()+1))
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Damaged, "the content of the item cannot be read: %w", err)
	}
	if int64(len(all)) != c.Size() {
		return nil, endpoint.Errorf(endpoint.Damaged, "the content of the item is not of its size")
	}
	return all, nil
}
