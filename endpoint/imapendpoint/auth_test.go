package imapendpoint

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// dialogue is a server that expects lines and answers each; "-" stands for the tag of the last
// command, on both sides.
func dialogue(t *testing.T, steps ...string) string {
	t.Helper()
	return imapscript.Start(t, func(c *imapscript.Conn) {
		tag := ""
		for i := 0; i < len(steps); i += 2 {
			if steps[i] != "" {
				line, ok := c.Line()
				if strings.HasPrefix(steps[i], "- ") {
					tag, _, _ = strings.Cut(line, " ")
				}
				if want := strings.Replace(steps[i], "- ", tag+" ", 1); !ok || line != want {
					t.Errorf("got line %q, want %q", line, want)
					return
				}
			}
			for l := range strings.SplitSeq(steps[i+1], "\n") {
				c.Send(strings.Replace(l, "- ", tag+" ", 1))
			}
		}
		c.Wait()
	}).Addr
}

func TestLogin(t *testing.T) {
	token := func(context.Context) (string, error) { return "tok", nil }
	withToken := func(c *Config) { c.Password, c.Token = "", token }
	const user, password = "ann@example.org", testPassword
	xoauth2 := b64("user=" + user + "\x01auth=Bearer tok\x01\x01")
	tests := []struct {
		name   string
		change func(*Config)
		steps  func() []string
		code   endpoint.Code // Unknown: no error
	}{
		{"LOGIN", nil, func() []string {
			return []string{
				"", "* OK [CAPABILITY IMAP4rev1] hi",
				`- LOGIN "` + user + `" "` + password + `"`, "- OK [CAPABILITY IMAP4rev1 IDLE] in",
			}
		}, 0},
		{"capabilities are asked for", nil, func() []string {
			return []string{
				"", "* OK hi",
				"- CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\n- OK",
				"- AUTHENTICATE PLAIN " + b64("\x00"+user+"\x00"+password), "* CAPABILITY IMAP4rev1 IDLE\n- OK in",
			}
		}, 0},
		{"PLAIN without SASL-IR", nil, func() []string {
			return []string{
				"", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] hi",
				"- AUTHENTICATE PLAIN", "+ ", b64("\x00" + user + "\x00" + password), "- OK in",
				"- CAPABILITY", "* CAPABILITY IMAP4rev1 IDLE\n- OK",
			}
		}, 0},
		{"SASL LOGIN", nil, func() []string {
			return []string{
				"", "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN] hi",
				"- AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6", b64(user), "+ UGFzc3dvcmQ6", b64(password), "- OK [CAPABILITY IDLE]",
			}
		}, 0},
		{"LOGINDISABLED", nil, func() []string {
			return []string{"", "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi"}
		}, endpoint.Untrusted},
		{"wrong password", nil, func() []string {
			return []string{
				"", "* OK [CAPABILITY IMAP4rev1] hi",
				`- LOGIN "` + user + `" "` + password + `"`, "- NO " + user + " may not use " + password,
			}
		}, endpoint.Unauthenticated},
		{"service is down", nil, func() []string {
			return []string{
				"", "* OK [CAPABILITY IMAP4rev1] hi",
				`- LOGIN "` + user + `" "` + password + `"`, "- NO [UNAVAILABLE] later",
			}
		}, endpoint.Unavailable},
		{"too many", nil, func() []string { return []string{"", "* BYE Too many connections"} }, endpoint.Throttled},
		{"no IMAP server", nil, func() []string { return []string{"", "220 mail ESMTP"} }, endpoint.Unavailable},
		{"hangs up at LOGIN", nil, func() []string {
			return []string{
				"", "* OK [CAPABILITY IMAP4rev1] hi",
				`- LOGIN "` + user + `" "` + password + `"`, "* BYE [UNAVAILABLE] bye\n- BYE",
			}
		}, endpoint.Unavailable},
		{"XOAUTH2", withToken, func() []string {
			return []string{
				"", "* OK [CAPABILITY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN] hi",
				"- AUTHENTICATE XOAUTH2 " + xoauth2, "- OK [CAPABILITY IDLE] in",
			}
		}, 0},
		{"XOAUTH2 without SASL-IR", withToken, func() []string {
			return []string{
				"", "* OK [CAPABILITY AUTH=XOAUTH2] hi",
				"- AUTHENTICATE XOAUTH2", "+", xoauth2, "- OK [CAPABILITY IDLE] in",
			}
		}, 0},
		{"OAUTHBEARER", withToken, func() []string {
			return []string{
				"", "* OK [CAPABILITY SASL-IR AUTH=OAUTHBEARER AUTH=XOAUTH2] hi",
				"- AUTHENTICATE OAUTHBEARER " + b64("n,a="+user+",\x01host=mx.example.org\x01port=143\x01auth=Bearer tok\x01\x01"),
				"- OK [CAPABILITY IDLE] in",
			}
		}, 0},
		{"XOAUTH2 refused", withToken, func() []string {
			return []string{
				"", "* OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hi",
				"- AUTHENTICATE XOAUTH2 " + xoauth2, "+ " + b64(`{"status":"400"}`), "", "",
			}
		}, endpoint.Unauthenticated},
		{"no mechanism for tokens", withToken, func() []string {
			return []string{"", "* OK [CAPABILITY AUTH=PLAIN] hi"}
		}, endpoint.Unsupported},
		{"PREAUTH", nil, func() []string { return []string{"", "* PREAUTH [CAPABILITY IDLE] hi"} }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			noLeaks(t)
			steps := tt.steps()
			if tt.name == "XOAUTH2 refused" {
				// The answer to the explanation is one empty line.
				steps = steps[:4]
				addr := refusingToken(t, steps)
				_, err := connect(t.Context(), wireConfig(t, addr, tt.change), new(meter))
				wantCode(t, err, tt.code)
				return
			}
			addr := dialogue(t, steps...)
			cfg := wireConfig(t, addr, tt.change)
			cfg.Addr = "mx.example.org:143"
			cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			s, err := connect(t.Context(), cfg, new(meter))
			if tt.code == endpoint.Unknown {
				if err != nil {
					t.Fatal(err)
				}
				defer s.kill()
				if !s.has("IDLE") {
					t.Error("the capabilities after the login are not known")
				}
				return
			}
			wantCode(t, err, tt.code)
			for _, secret := range []string{user, "ann", password, "tok", "mx.example"} {
				if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), "token", ""), secret) {
					t.Errorf("the error holds %q: %v", secret, err)
				}
			}
		})
	}
}

// refusingToken is a server that explains a refusal in a challenge and wants an empty line.
func refusingToken(t *testing.T, steps []string) string {
	t.Helper()
	return imapscript.Start(t, func(c *imapscript.Conn) {
		c.Send(steps[1])
		line, _ := c.Line()
		tag, _, _ := strings.Cut(line, " ")
		c.Send(steps[3])
		if answer, ok := c.Line(); !ok || answer != "" {
			t.Errorf("the explanation was answered with %q", answer)
		}
		c.Send(tag + " NO [AUTHENTICATIONFAILED] no")
		c.Wait()
	}).Addr
}

// TestTokenIsAskedForAgain has a token that has expired when it is first used.
func TestTokenIsAskedForAgain(t *testing.T) {
	var used []string
	m := imapscript.Model{
		Capabilities: "IMAP4rev1 SASL-IR AUTH=XOAUTH2",
		Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name != "AUTHENTICATE" {
				return false
			}
			response, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(cmd.Args, "XOAUTH2 "))
			if err != nil {
				t.Error(err)
			}
			used = append(used, string(response))
			if strings.Contains(string(response), "fresh") {
				c.Reply(cmd, "OK in")
			} else {
				c.Reply(cmd, "NO [EXPIRED] no")
			}
			return true
		},
	}
	srv := imapscript.Start(t, m.Serve)
	tokens := []string{"stale", "fresh", "stale", "stale", "fresh"}
	next := func(context.Context) (string, error) {
		token := tokens[0]
		tokens = tokens[1:]
		return token, nil
	}
	p := newPool(wireConfig(t, srv.Addr, func(c *Config) { c.Password, c.Token = "", next }))
	defer func() { _ = p.close() }()
	if err := p.first(t.Context()); err != nil || len(used) != 2 {
		t.Errorf("tokens used: %q, %v", used, err)
	}
	wantCode(t, p.first(t.Context()), endpoint.Unauthenticated)
	if len(tokens) != 1 {
		t.Errorf("the token was asked for %d times, want 4", 5-len(tokens))
	}
	secret := errors.New("refresh_token=abc")
	p.cfg.Token = func(context.Context) (string, error) { return "", secret }
	err := p.first(t.Context())
	wantCode(t, err, endpoint.Unauthenticated)
	if !errors.Is(err, secret) || strings.Contains(err.Error(), "abc") {
		t.Errorf("the caller's error: %v", err)
	}
}

func TestIdentify(t *testing.T) {
	m := imapscript.Model{}
	m.Add("INBOX")
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	if _, err := s.selectFolder(t.Context(), "INBOX", true); err != nil {
		t.Fatal(err)
	}
	names := srv.Commands()
	if id, sel := slices.Index(names, "ID"), slices.Index(names, "EXAMINE"); id < 0 || id > sel {
		t.Errorf("ID does not come before EXAMINE: %q", names)
	}
	if last := len(names) - 2; names[last] != "ID" {
		t.Errorf("ID is not sent after LOGIN: %q", names)
	}
}

func TestTLS(t *testing.T) {
	serverTLS, clientTLS := imapscript.TLSConfigs(t)
	m := imapscript.Model{}
	m.Add("INBOX", strings.Repeat("x", 200_000))
	implicit := imapscript.StartTLS(t, serverTLS, m.Serve).Addr
	plain := imapscript.Start(t, m.Serve).Addr
	withTLS := func(c *Config) { c.Security, c.TLS = TLS, clientTLS }

	s := wireSession(t, implicit, withTLS)
	if _, err := s.selectFolder(t.Context(), "INBOX", true); err != nil {
		t.Fatal(err)
	}
	if msgs, err := fetchAll(t.Context(), s); err != nil || len(msgs) != 1 {
		t.Errorf("fetched %d, %v", len(msgs), err)
	}
	refused := map[string]func(*Config){
		implicit: func(c *Config) { c.Security = TLS },                   // issuer unknown
		plain:    func(c *Config) { c.Security, c.TLS = TLS, clientTLS }, // no TLS there
		strings.Replace(implicit, "127.0.0.1", "localhost", 1): func(c *Config) { c.Security, c.TLS = TLS, clientTLS }, // wrong name
	}
	for addr, change := range refused {
		_, err := connect(t.Context(), wireConfig(t, addr, change), new(meter))
		wantCode(t, err, endpoint.Untrusted)
	}
}

func TestStartTLS(t *testing.T) {
	serverTLS, clientTLS := imapscript.TLSConfigs(t)
	m := imapscript.Model{Capabilities: "IMAP4rev1 IDLE"}
	start := func(after func(c *imapscript.Conn, tag string)) func(c *imapscript.Conn) {
		return func(c *imapscript.Conn) {
			c.Send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED AUTH=XFORGED] hi")
			after(c, c.Expect("STARTTLS").Tag)
		}
	}
	tests := map[string]struct {
		script func(c *imapscript.Conn)
		code   endpoint.Code
	}{
		"works": {start(func(c *imapscript.Conn, tag string) {
			c.Send(tag + " OK go")
			c.UpgradeTLS(serverTLS)
			m.Commands(c)
		}), endpoint.Unknown},
		"plain text behind it": {start(func(c *imapscript.Conn, tag string) {
			c.SendRaw(tag + " OK go\r\n* PREAUTH [CAPABILITY IMAP4rev1] forged\r\n")
			c.Wait()
		}), endpoint.Untrusted},
		"refused":     {start(func(c *imapscript.Conn, tag string) { c.Send(tag + " NO no"); c.Wait() }), endpoint.Untrusted},
		"not offered": {func(c *imapscript.Conn) { c.Send("* OK [CAPABILITY IMAP4rev1] hi"); c.Wait() }, endpoint.Untrusted},
		"PREAUTH":     {func(c *imapscript.Conn) { c.Send("* PREAUTH [CAPABILITY STARTTLS] hi"); c.Wait() }, endpoint.Untrusted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			srv := imapscript.Start(t, tt.script)
			s, err := connect(t.Context(), wireConfig(t, srv.Addr, func(c *Config) { c.Security, c.TLS = StartTLS, clientTLS }), new(meter))
			if tt.code != endpoint.Unknown {
				wantCode(t, err, tt.code)
				if slices.Contains(srv.Commands(), "LOGIN") {
					t.Error("the password was sent")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.kill()
			if !s.has("IDLE") || s.has("AUTH=XFORGED") {
				t.Error("the capabilities are those from before TLS")
			}
		})
	}
}

func TestConnectBounded(t *testing.T) {
	noLeaks(t)
	srv := imapscript.Start(t, func(c *imapscript.Conn) { c.Wait() })
	for _, security := range []Security{TLS, StartTLS, Plaintext} {
		start := time.Now()
		cfg := wireConfig(t, srv.Addr, func(c *Config) { c.Security, c.Timeout = security, 100*time.Millisecond })
		_, err := connect(t.Context(), cfg, new(meter))
		wantCode(t, err, endpoint.Unavailable)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("security %v took %v", security, d)
		}
	}
	cfg := wireConfig(t, srv.Addr, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err := connect(t.Context(), cfg, new(meter))
	wantCode(t, err, endpoint.Unavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connect(ctx, cfg, new(meter)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}

func TestOpenRefusesBadConfig(t *testing.T) {
	_, err := Open(t.Context(), Config{Addr: "a b", Username: "x\x01y", Connections: -1, Timeout: -1, Security: 9, Password: "p\x00"})
	wantCode(t, err, endpoint.Invalid)
	for _, field := range []string{"Addr", "Username", "Connections", "Timeout", "Security", "Password"} {
		if !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
	_, err = Open(t.Context(), Config{Addr: "localhost", Username: "x"})
	wantCode(t, err, endpoint.Invalid)
}

func TestOpenHostPort(t *testing.T) {
	for _, tt := range []struct {
		addr     string
		security Security
		want     string
	}{
		{"mx.example.org", TLS, "mx.example.org:993"},
		{"mx.example.org", StartTLS, "mx.example.org:143"},
		{"mx.example.org:1143", Plaintext, "mx.example.org:1143"},
		{"::1", TLS, "[::1]:993"},
		{"[::1]", TLS, "[::1]:993"},
		{"[::1]:1993", TLS, "[::1]:1993"},
	} {
		if got, ok := (Config{Addr: tt.addr, Security: tt.security}).hostPort(); !ok || got != tt.want {
			t.Errorf("%s: %s, %v", tt.addr, got, ok)
		}
	}
	for _, addr := range []string{"", ":993", "ann@example.org", "imap://x/"} {
		if got, ok := (Config{Addr: addr}).hostPort(); ok {
			t.Errorf("%q is taken for %s", addr, got)
		}
	}
}
