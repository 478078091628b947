package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dandyroll/dandyroll/directory"
)

func TestReadList(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []directory.Entry
	}{
		{"empty", "", nil},
		{"header", "Source, DESTINATION\r\na@x,b@y\r\n", []directory.Entry{{"a@x", "b@y", 2}}},
		{"no header", "a@x,b@y\nc@x,\n", []directory.Entry{{"a@x", "b@y", 1}, {"c@x", "", 2}}},
		{"spreadsheet", "\ufeffsource,destination\r\n\r\n a@x , b@y \r\n", []directory.Entry{{"a@x", "b@y", 3}}},
		{"quoted", "\"a,b@x\",\"c\"\"d@y\"\n", []directory.Entry{{"a,b@x", `c"d@y`, 1}}},
		{"number sign", "#a@x,b@y\n", []directory.Entry{{"#a@x", "b@y", 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, err := directory.ReadList(strings.NewReader(c.text))
			if err != nil || !slices.Equal(have, c.want) {
				t.Errorf("%v, error %v, want %v", have, err, c.want)
			}
		})
	}
}

func TestReadListTellsAllProblems(t *testing.T) {
	text := "source,destination\na@x;b@y\nann,b@y\nc@x,d@y,e@y\nok@x,ok@y\nf@x,nobody\n\"g@x\"h,i@y\nj\u202e@x,\nsource,destination\n@x,@\n"
	_, err := directory.ReadList(strings.NewReader(text))
	var lines []int
	for _, p := range problems(err) {
		lines = append(lines, p.Line)
	}
	if want := []int{2, 3, 4, 6, 7, 8, 9, 10}; !slices.Equal(lines, want) {
		t.Errorf("lines %v, want %v: %v", lines, want, err)
	}
	if err != nil && strings.Contains(err.Error(), "@") {
		t.Errorf("there is an address in %v", err)
	}
}

func TestReadListFailsWithItsReader(t *testing.T) {
	lost := errors.New("disk gone")
	if list, err := directory.ReadList(iotest.ErrReader(lost)); list != nil || !errors.Is(err, lost) {
		t.Errorf("%v, error %v", list, err)
	}
}

// FuzzReadList finds entries only that look like addresses, and problems only with a line.
func FuzzReadList(f *testing.F) {
	for _, text := range []string{"", "source,destination\na@x,b@y\n", "a@x\n", "\"a@x", "a@x,\"\n\"\n", "\ufeff\ufeffa@x,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := directory.ReadList(strings.NewReader(text))
		for _, e := range list {
			if !strings.Contains(e.Source, "@") || e.Destination != "" && !strings.Contains(e.Destination, "@") || e.Line < 1 {
				t.Errorf("entry %+v", e)
			}
		}
		for _, p := range problems(err) {
			if p.Line < 1 || list != nil {
				t.Errorf("problem %+v, and %d entries", p, len(list))
			}
		}
	})
}
