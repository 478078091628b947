package imapendpoint

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// base64UTF7 is the alphabet of modified UTF-7 (RFC 3501 section 5.1.3).
func base64UTF7() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
}

func printable(r rune) bool { return ' ' <= r && r <= '~' }

// encodeUTF7 returns text, which must be valid UTF-8, in modified UTF-7.
func encodeUTF7(text string) string {
	var out strings.Builder
	var shifted []uint16
	flush := func() {
		if len(shifted) == 0 {
			return
		}
		b := make([]byte, 0, 2*len(shifted))
		for _, u := range shifted {
			b = append(b, byte(u>>8), byte(u))
		}
		out.WriteString("&" + base64UTF7().EncodeToString(b) + "-")
		shifted = nil
	}
	for _, r := range text {
		if !printable(r) {
			shifted = utf16.AppendRune(shifted, r)
			continue
		}
		flush()
		if r == '&' {
			out.WriteString("&-")
		} else {
			out.WriteRune(r)
		}
	}
	flush()
	return out.String()
}

// decodeUTF7 returns the text of a name in modified UTF-7, which must be as encodeUTF7 would have
// written it: one name has one spelling. Names in raw UTF-8, against the standard, are taken as
// they are.
func decodeUTF7(name string) (text string, ok bool) {
	if !isASCII(name) {
		return name, utf8.ValidString(name) && !strings.Contains(name, "&")
	}
	var out strings.Builder
	for rest := name; rest != ""; {
		before, shifted, found := strings.Cut(rest, "&")
		out.WriteString(before)
		if !found {
			break
		}
		run, after, closed := strings.Cut(shifted, "-")
		decoded, valid := decodeRun(run)
		if !closed || !valid {
			return "", false
		}
		out.WriteString(decoded)
		rest = after
	}
	text = out.String()
	return text, encodeUTF7(text) == name
}

// decodeRun decodes what stands between "&" and "-".
func decodeRun(run string) (text string, ok bool) {
	if run == "" {
		return "&", true
	}
	b, err := base64UTF7().DecodeString(run)
	if err != nil || len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units)), true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
