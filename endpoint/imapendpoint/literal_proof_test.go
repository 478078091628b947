package imapendpoint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// TestLiteralsThatLie has the server state a wrong size for the literal of one body. What follows
// the literal does not fit then, so that the body must not be taken for the message.
func TestLiteralsThatLie(t *testing.T) {
	for _, change := range []int{-40, -9, -3, -2, -1, 1, 2, 3, 4, 7, 20, 60, 1000} {
		t.Run(fmt.Sprint(change), func(t *testing.T) {
			noLeaks(t)
			model := modelOf(4)
			model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name != "UID FETCH" || !strings.Contains(cmd.Args, "BODY.PEEK[]") {
					return false
				}
				set, _, _ := strings.Cut(cmd.Args, " ")
				for _, uid := range expand(set) {
					text := respond(cmd, uid)
					if uid == 2 {
						n := len(message(2))
						text = strings.Replace(text, fmt.Sprintf("{%d}", n), fmt.Sprintf("{%d}", n+change), 1)
					}
					c.Send(fmt.Sprintf("* %d FETCH (%s)", uid, text))
				}
				c.Reply(cmd, "OK done")
				return true
			}
			srv := imapscript.Start(t, model.Serve)
			m, err := Open(t.Context(), *wireConfig(t, srv.Addr, func(c *Config) { c.Timeout = 200 * time.Millisecond }))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			folder := endpoint.Folder{ID: "INBOX", Path: []string{"INBOX"}, Validity: "1"}
			for b, err := range m.Read(t.Context(), folder, []string{"1", "2", "3", "4"}, endpoint.ReadOptions{Memory: 1 << 20}) {
				if err != nil {
					t.Fatal(err)
				}
				if lies := b.Ref == "2"; lies != (endpoint.CodeOf(b.Err) == endpoint.Damaged) {
					t.Errorf("message %s: %v", b.Ref, b.Err)
				}
				if b.Content != nil {
					_ = b.Content.Close()
				}
			}
		})
	}
}
