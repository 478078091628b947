package memendpoint

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (s *session) Find(ctx context.Context, f endpoint.Folder, id string) iter.Seq2[string, error] {
	if s.options.Quirks.NoFind {
		return s.Unimplemented.Find(ctx, f, id)
	}
	return sequence(ctx, s, func() ([]string, error) {
		g, err := s.server.resolve(f)
		if err != nil {
			return nil, err
		}
		var refs []string
		for _, it := range g.visible(time.Now(), position{}) {
			if it.hasID(bareID(id)) {
				refs = append(refs, decimal(it.ref))
			}
		}
		return refs, nil
	})
}

// hasID reports whether a mail or note has a Message-ID, or any other item the UID, that is wanted,
// which is bare. Nothing has an empty one.
func (it *item) hasID(wanted string) bool {
	if wanted == "" {
		return false
	}
	if formatOf(it.kind) != endpoint.RFC822 {
		return bareID(componentIdentity(it.body)[0]) == wanted
	}
	for name, value := range headerFields(it.body) {
		if name == "message-id" && bareID(string(value)) == wanted {
			return true
		}
	}
	return false
}

// bareID returns an identifier without blanks, folding and angle brackets.
func bareID(id string) string {
	id = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(id)
	return strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
}
