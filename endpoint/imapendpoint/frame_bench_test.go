package imapendpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
)

// BenchmarkFramer cuts the answer to a FETCH into responses: of the field of the mark, as a scan asks for it,
// and of bodies of 8 kB.
func BenchmarkFramer(b *testing.B) {
	const responses = 1000
	for name, section := range map[string]struct {
		name string
		size int
	}{"marks": {"BODY[HEADER.FIELDS (X-Dandyroll)]", 79}, "bodies": {"BODY[]", 8 << 10}} {
		b.Run(name, func(b *testing.B) {
			var answer bytes.Buffer
			for i := 1; i <= responses; i++ {
				fmt.Fprintf(&answer, "* %d FETCH (UID %d %s {%d}\r\n", i, i, section.name, section.size)
				answer.Write(bytes.Repeat([]byte("x"), section.size))
				answer.WriteString(")\r\n")
			}
			b.ReportAllocs()
			b.SetBytes(int64(answer.Len()))
			for b.Loop() {
				if n := countLiterals(b, answer.Bytes()); n != responses {
					b.Fatalf("%d literals, want %d", n, responses)
				}
			}
		})
	}
}

// countLiterals reads all that a server sent.
func countLiterals(b *testing.B, sent []byte) (n int) {
	b.Helper()
	frames := newFramer(bytes.NewReader(sent))
	for {
		s, err := frames.next()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		if s.literal < 0 {
			continue
		}
		n++
		if _, err := io.Copy(io.Discard, frames); err != nil {
			b.Fatal(err)
		}
	}
}
