// Package doccheck holds the documents against the code.
package doccheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// TestNamedTestsExist finds every test that a document names, as `package.TestName`.
func TestNamedTestsExist(t *testing.T) {
	have := declared(t)
	named := regexp.MustCompile("`([a-z]+)\\.((?:Test|Fuzz|Run|Benchmark)[A-Za-z0-9]*)`")
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, path := range append(documents, filepath.Join(root, "ARCHITECTURE.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllStringSubmatch(string(text), -1) {
			if !have[match[1]+"."+match[2]] {
				t.Errorf("%s names %s, which does not exist", filepath.Base(path), match[0])
			}
		}
	}
}

// declared returns the functions of all test files and test kits, with the directory's name before
// them.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Run|Benchmark)\w*)\(`)
	have := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			have[filepath.Base(filepath.Dir(path))+"."+match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return have
}
