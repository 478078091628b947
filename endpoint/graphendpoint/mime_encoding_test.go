package graphendpoint

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func decodeAll(t *testing.T, encoding, text string) string {
	t.Helper()
	b, err := io.ReadAll(newDecodingReader(strings.NewReader(text), encoding))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTransferDecodingIsNeverAtALoss(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ encoding, text, want string }{
		{"base64", "aGVs\r\nbG8=", "hello"},
		{"BASE64 ", "aGVsbG8", "hello"},
		{"base64", "a*G!Vs bG8=", "hello"},
		{"base64", "aGVsbG8=aGVsbG8=", "hellohello"},
		{"base64", "a", ""},
		{"base64", "====", ""},
		{"quoted-printable", "a=3Db=\r\nc=C3=A9", "a=bcé"},
		{"quoted-printable", "a=\nb", "ab"},
		{"quoted-printable", "a= \t\r\nb", "ab"},
		{"quoted-printable", "a  \r\nb \n", "a\r\nb\n"},
		{"quoted-printable", "100 = 100, =ZZ =4", "100 = 100, =ZZ =4"},
		{"quoted-printable", "==41=", "=A="},
		{"quoted-printable", "a=4\r\nb", "a=4\r\nb"},
		{"quoted-printable", "é \x00", "é \x00"},
		{"8bit", "a=41", "a=41"},
		{"x-nobody", "a=41", "a=41"},
	} {
		if got := decodeAll(t, c.encoding, c.text); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.encoding, c.text, got, c.want)
		}
	}
}

func TestTransferDecodingInvertsEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		content := rapid.SliceOf(rapid.Byte()).Draw(r, "content")
		var printable bytes.Buffer
		w := quotedprintable.NewWriter(&printable)
		w.Binary = true
		_, err := w.Write(content)
		if err != nil || w.Close() != nil {
			r.Fatal("cannot encode")
		}
		for encoding, text := range map[string]string{
			"base64": base64.StdEncoding.EncodeToString(content), "quoted-printable": printable.String(), "binary": string(content),
		} {
			got, err := io.ReadAll(newDecodingReader(iotest.OneByteReader(strings.NewReader(text)), encoding))
			if err != nil || !bytes.Equal(got, content) {
				r.Fatalf("%s: %q, want %q: %v", encoding, got, content, err)
			}
		}
	})
}
