package imapraw

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// nameEncoding is the base64 of modified UTF-7 (RFC 3501 section 5.1.3).
func nameEncoding() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
		WithPadding(base64.NoPadding).Strict()
}

// encodeName turns the Unicode name of a folder into modified UTF-7.
func encodeName(name string) string {
	var out strings.Builder
	for name != "" {
		plain := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '&' })
		if plain < 0 {
			plain = len(name)
		}
		out.WriteString(name[:plain])
		name = name[plain:]
		if strings.HasPrefix(name, "&") {
			out.WriteString("&-")
			name = name[1:]
			continue
		}
		shifted := strings.IndexFunc(name, func(r rune) bool { return r >= ' ' && r <= '~' })
		if shifted < 0 {
			shifted = len(name)
		}
		if shifted > 0 {
			out.WriteString("&" + encodeUTF16(name[:shifted]) + "-")
		}
		name = name[shifted:]
	}
	return out.String()
}

func encodeUTF16(text string) string {
	var raw []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		raw = binary.BigEndian.AppendUint16(raw, unit)
	}
	return nameEncoding().EncodeToString(raw)
}

// decodeName inverts encodeName.
func decodeName(name string) (string, error) {
	var out strings.Builder
	for name != "" {
		plain, rest, found := strings.Cut(name, "&")
		out.WriteString(plain)
		if !found {
			break
		}
		shifted, rest, found := strings.Cut(rest, "-")
		if !found {
			return "", fmt.Errorf("shift without an end")
		}
		name = rest
		if shifted == "" {
			out.WriteByte('&')
			continue
		}
		text, err := decodeUTF16(shifted)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

func decodeUTF16(text string) (string, error) {
	raw, err := nameEncoding().DecodeString(text)
	if err != nil {
		return "", err
	}
	if len(raw)%2 != 0 {
		return "", fmt.Errorf("half a character in %q", text)
	}
	units := make([]uint16, 0, len(raw)/2)
	for len(raw) > 0 {
		units = append(units, binary.BigEndian.Uint16(raw))
		raw = raw[2:]
	}
	runes := utf16.Decode(units)
	if slices.Contains(runes, utf8.RuneError) {
		return "", fmt.Errorf("broken surrogate pair in %q", text)
	}
	return string(runes), nil
}
