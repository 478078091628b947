package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
		failed         bool
	}{
		{
			name: "passes in silence",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"-test.shuffle 1\n"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			want: "ok  \tp\t0.1s\nNothing failed.\nEvery test ran.\n",
		},
		{
			name: "names what it skipped",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: REAL-SERVER TEST SKIPPED: none\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`,
			want: "Nothing failed.\n1 did not run:\n  p.TestA: a_test.go:1: REAL-SERVER TEST SKIPPED: none\n",
		},
		{
			name: "shows failures",
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`,
			want:   "    a_test.go:1: wrong\nFAIL\tp\t0.1s\n2 failed:\n  p.TestA\n  p\nEvery test ran.\n",
			failed: true,
		},
		{
			name: "loses no panic and no compiler message",
			in: `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: syntax\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: x\n"}
go: not an event`,
			want: "p.go:1: syntax\ngo: not an eventpanic: x\nNothing failed.\nEvery test ran.\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := run(strings.NewReader(test.in), &out)
			if out.String() != test.want || (err != nil) != test.failed {
				t.Errorf("printed %q, error %v,\nwant    %q", out.String(), err, test.want)
			}
		})
	}
}
