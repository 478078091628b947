// Package deptest proves who depends on whom: that the core links nothing but the standard library,
// and that a program which imports one driver compiles only the SDK of that driver.
//
// The linter (depguard in .golangci.yml) checks what a file imports; this package checks what a
// program would link, over any number of steps.
package deptest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dandyroll/dandyroll/"

// rule says what one package, or each package below a path that ends with "/", may depend on.
type rule struct {
	of    string
	allow []string // prefixes of import paths, besides the standard library and golang.org/x
	why   string
}

// rules returns the rules; for each package the first that fits it holds.
func rules() []rule {
	const core = "core packages use the standard library, golang.org/x and the layers below them"
	const driver = "a program that imports one driver compiles the SDK of that driver and no other"
	watermark, endpoint, store := module+"watermark", module+"endpoint", module+"store"
	return []rule{
		{module + "watermark", nil, core},
		{module + "endpoint", []string{watermark}, core},
		{module + "store", []string{watermark}, core},
		{module + "directory", []string{watermark, endpoint + "$"}, core},
		{module + "pass", []string{watermark, endpoint + "$", store + "$", module + "internal/climb$"}, core},
		{module + "endpoint/imapendpoint", []string{watermark, endpoint + "$", module + "internal/"}, driver},
		{module + "endpoint/graphendpoint", []string{
			watermark, endpoint + "$", module + "internal/",
			"github.com/microsoft/", "github.com/microsoftgraph/", "github.com/Azure/azure-sdk-for-go/",
			"github.com/google/uuid", "github.com/cjlapao/", "github.com/std-uritemplate/",
			"github.com/go-logr/", "go.opentelemetry.io/", "github.com/cespare/",
			"github.com/AzureAD/", "github.com/golang-jwt/", "github.com/kylelemons/", "github.com/pkg/browser",
			"github.com/emersion/go-ical", "github.com/emersion/go-vcard", "github.com/emersion/go-message", "github.com/teambition/",
		}, driver},
		{module + "store/badgerstore", []string{
			watermark, store + "$", module + "internal/", "github.com/dgraph-io/",
			"github.com/cespare/", "github.com/dustin/", "github.com/google/flatbuffers", "github.com/klauspost/",
			"google.golang.org/protobuf", "github.com/go-logr/", "go.opentelemetry.io/",
		}, driver},
		{module + "endpoint/", []string{module}, driver}, // fakes, wrappers and suites: no SDK at all
		{module + "store/", []string{module}, driver},
	}
}

// pkg is one package as "go list -json" describes it.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	graph := load(t)
	for _, core := range []string{"watermark", "endpoint", "store", "pass"} {
		if _, ok := graph[module+core]; !ok {
			t.Errorf("package %s is missing, so nothing was proven about it", core)
		}
	}
	for path := range graph {
		for _, r := range rules() {
			if path != r.of && (!strings.HasSuffix(r.of, "/") || !strings.HasPrefix(path, r.of)) {
				continue
			}
			if chain := violation(graph, path, r.allow); chain != nil {
				t.Errorf("%s must not depend on %s: %s\n\t%s", path, chain[len(chain)-1], r.why, strings.Join(chain, "\n\t→ "))
			}
			break
		}
	}
}

// load lists all packages of the module with all that they depend on, without their tests.
func load(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Standard", module+"...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	graph := map[string]pkg{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return graph
		}
		if err != nil {
			t.Fatal(err)
		}
		graph[p.ImportPath] = p
	}
}

// violation returns the shortest chain of imports from a package to one that is not allowed.
func violation(graph map[string]pkg, from string, allow []string) []string {
	chains := map[string][]string{from: {from}}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range graph[queue[0]].Imports {
			if graph[to].Standard || chains[to] != nil || to == "C" {
				continue
			}
			chains[to] = append(slices.Clone(chains[queue[0]]), to)
			if !allowed(to, from, allow) {
				return chains[to]
			}
			queue = append(queue, to)
		}
	}
	return nil
}

// allowed reports whether from, or what it imports, may import to. Packages below from are part of
// it where they are internal.
func allowed(to, from string, allow []string) bool {
	if strings.HasPrefix(to, "golang.org/x/") || strings.HasPrefix(to, from+"/internal/") {
		return true
	}
	return slices.ContainsFunc(allow, func(prefix string) bool {
		if exact, ok := strings.CutSuffix(prefix, "$"); ok {
			return to == exact
		}
		return strings.HasPrefix(to, prefix)
	})
}

// TestViolationIsFound proves that the check can fail, also over several steps.
func TestViolationIsFound(t *testing.T) {
	t.Parallel()
	graph := map[string]pkg{
		"core":   {Imports: []string{"fmt", "helper", "golang.org/x/text"}},
		"helper": {Imports: []string{"sdk.example/api"}},
		"fmt":    {Standard: true},
	}
	want := []string{"core", "helper", "sdk.example/api"}
	if got := violation(graph, "core", []string{"helper"}); !slices.Equal(got, want) {
		t.Errorf("chain %v, want %v", got, want)
	}
	if got := violation(graph, "core", []string{"helper$", "sdk.example/"}); got != nil {
		t.Errorf("chain %v, want none", got)
	}
}
