package endtoend_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// mailmoveBuild is the program, built once for all tests.
type mailmoveBuild struct {
	once sync.Once
	dir  string
	path string
	err  error
}

//nolint:gochecknoglobals // one build serves all tests of the package
var build mailmoveBuild

// mailmovePath returns the path of the program.
func mailmovePath(t *testing.T) string {
	t.Helper()
	build.once.Do(func() { build.err = build.make(t) })
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

func (b *mailmoveBuild) make(t *testing.T) (err error) {
	t.Helper()
	if b.dir, err = os.MkdirTemp("", "mailmove"); err != nil { //nolint:usetesting // it outlives the test that builds it
		return err
	}
	b.path = filepath.Join(b.dir, "mailmove")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", b.path, "github.com/dandyroll/dandyroll/examples/mailmove")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build mailmove: %w\n%s", err, out)
	}
	return nil
}

func TestMain(m *testing.M) {
	if order := os.Getenv(diskVariable); order != "" {
		os.Exit(diskProcess(order))
	}
	status := m.Run()
	if build.dir != "" {
		_ = os.RemoveAll(build.dir)
	}
	os.Exit(status)
}
