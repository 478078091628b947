package graphendpoint

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// forbid makes the service refuse a route for good.
func forbid(s *graphserve.Server, route string) {
	s.Inject(graphserve.Fault{Route: route, Kind: graphserve.Forbidden, Times: 1 << 30})
}

func TestMissingPermissionOfAKind(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	s.AddMailbox(address, "Ann")
	forbid(s, "GET /users/{user}/todo/lists")
	_, err := testMailbox(t, s).Capabilities(t.Context())
	if endpoint.CodeOf(err) != endpoint.Denied || !strings.Contains(err.Error(), "kind task") || !strings.Contains(err.Error(), "Config.Kinds") {
		t.Errorf("error is %v, want Denied, the kind and the cure", err)
	}
	m := endpoint.New(testDriver(t, s, func(c *Config) { c.Kinds = []endpoint.Kind{endpoint.Mail, endpoint.Event} }))
	caps, err := m.Capabilities(t.Context())
	if err != nil || len(caps.Read) != 2 || len(caps.Write) != 2 {
		t.Errorf("capabilities are %+v, %v, want those of mail and events", caps, err)
	}
	for f, err := range m.Folders(t.Context()) {
		if err != nil || !slices.Contains([]endpoint.Kind{endpoint.Mail, endpoint.Event}, f.Kinds[0]) {
			t.Errorf("folder %q of kind %v is listed, %v", f.Path, f.Kinds, err)
		}
	}
}

// Without the export of mailboxes, mail goes as MIME, and notes are not there; who asks for them is told why.
func TestWithoutExport(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	s.AddMailbox(address, "Ann")
	forbid(s, "GET /users/{user}/settings/exchange")
	caps, err := testMailbox(t, s).Capabilities(t.Context())
	if err != nil || !slices.Equal(caps.Read[endpoint.Mail], []endpoint.Format{endpoint.RFC822}) || len(caps.Read[endpoint.Note]) > 0 {
		t.Errorf("reads %v, %v", caps.Read, err)
	}
	m := endpoint.New(testDriver(t, s, func(c *Config) { c.Kinds = []endpoint.Kind{endpoint.Mail, endpoint.Note} }))
	if _, err = m.Capabilities(t.Context()); endpoint.CodeOf(err) != endpoint.Denied || !strings.Contains(err.Error(), "kind note") {
		t.Errorf("error is %v, want Denied and the kind", err)
	}
}

func TestMailboxIsNotThere(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	_, err := testMailbox(t, s).Capabilities(t.Context())
	if !errors.Is(err, ErrUnknownUser) || strings.Contains(err.Error(), "Config.Kinds") || strings.Contains(err.Error(), "ann") {
		t.Errorf("error is %v, want ErrUnknownUser and no advice about kinds", err)
	}
	s.AddMailbox(address, "Ann")
	s.Inject(graphserve.Fault{Kind: graphserve.MailboxNotEnabled, Times: 1 << 30})
	if _, err = testMailbox(t, s).Capabilities(t.Context()); !errors.Is(err, ErrNoMailbox) || strings.Contains(err.Error(), "Config.Kinds") {
		t.Errorf("error is %v, want ErrNoMailbox", err)
	}
}
