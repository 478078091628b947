package graphserve_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const (
	user = "/users/ann@example.com"
	mark = "String {00020386-0000-0000-C000-000000000046} Name x-dandyroll-mark"
)

type object = map[string]any

// fixture is a server with one mailbox and a client of it.
type fixture struct {
	*graphserve.Server
	ann *graphserve.Mailbox
}

func start(t *testing.T, quirks graphserve.Quirks) fixture {
	t.Helper()
	s := graphserve.New(graphserve.Config{Quirks: quirks})
	t.Cleanup(s.Close)
	return fixture{s, s.AddMailbox("ann@example.com", "Ann", "annie@example.com")}
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	raw    []byte
	json   object
}

func (a answer) str(name string) string {
	s, _ := a.json[name].(string)
	return s
}

func (a answer) code() string {
	e, _ := a.json["error"].(object)
	code, _ := e["code"].(string)
	return code
}

func (a answer) rows(t *testing.T) []object {
	t.Helper()
	list, isList := a.json["value"].([]any)
	if !isList {
		t.Fatalf("no list: %d %s", a.status, a.raw)
	}
	rows := make([]object, len(list))
	for i, row := range list {
		rows[i] = row.(object)
	}
	return rows
}

// try sends a request. A path below the root of the service or a whole address; body: nil, string or something for JSON.
func (f fixture) try(t *testing.T, method, path string, body any, headers ...string) (answer, error) {
	t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = f.URL() + path
	}
	var reader io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		reader, contentType = strings.NewReader(b), "text/plain"
	case []byte:
		reader, contentType = bytes.NewReader(b), "application/octet-stream"
	default:
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+graphserve.DefaultToken)
	if body != nil {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end below
	a := answer{status: res.StatusCode, header: res.Header}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		return a, err
	}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(a.raw, &a.json); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, a.raw)
		}
	}
	return a, nil
}

// call sends a request and wants a status.
func (f fixture) call(t *testing.T, want int, method, path string, body any, headers ...string) answer {
	t.Helper()
	a, err := f.try(t, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != want {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, want, a.raw)
	}
	return a
}

func (f fixture) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return f.call(t, http.StatusOK, http.MethodGet, path, nil, headers...)
}

func (f fixture) post(t *testing.T, path string, body any, headers ...string) answer {
	t.Helper()
	return f.call(t, http.StatusCreated, http.MethodPost, path, body, headers...)
}

// deliver puts a small message into the inbox.
func (f fixture) deliver(t *testing.T, subject string) string {
	t.Helper()
	raw := "From: Bob <bob@example.com>\r\nTo: ann@example.com\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@example.com>\r\n\r\nHello.\r\n"
	id, err := f.ann.Deliver("inbox", []byte(raw), graphserve.Delivery{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// esc escapes an ID for a path.
func esc(id string) string {
	return url.PathEscape(id)
}

func immutable() []string {
	return []string{"Prefer", `IdType="ImmutableId"`}
}

// subjects are those of rows, deleted ones as "-".
func subjects(rows []object) string {
	var list []string
	for _, row := range rows {
		if row["@removed"] != nil {
			list = append(list, "-")
			continue
		}
		s, _ := row["subject"].(string)
		list = append(list, s)
	}
	return strings.Join(list, ",")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
