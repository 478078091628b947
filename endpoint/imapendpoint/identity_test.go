package imapendpoint

import (
	"strings"
	"testing"
)

// TestIdentitySurvivesServers rewrites a header as servers were seen to.
func TestIdentitySurvivesServers(t *testing.T) {
	header := "Message-ID: <a@b>\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nFrom: \xc3\x84nne <ann@example.org>\r\n" +
		"To: b@example.org,\r\n\tc@example.org\r\nSubject: Hello   there\x00\r\n\r\n"
	want := identity([]byte(header), 100)
	for name, rewritten := range map[string]string{
		"another size":          header,
		"8-bit as ??":           strings.ReplaceAll(header, "\xc3\x84", "??"),
		"8-bit as ?":            strings.ReplaceAll(header, "\xc3\x84", "?"),
		"NUL as 0x80":           strings.ReplaceAll(header, "\x00", "\x80"),
		"unfolded":              strings.ReplaceAll(header, "\r\n\t", " "),
		"blanks squeezed":       strings.ReplaceAll(header, "   ", " "),
		"lone line feeds":       strings.ReplaceAll(header, "\r\n", "\n"),
		"no empty line":         strings.TrimSuffix(header, "\r\n"),
		"names in another case": strings.ReplaceAll(strings.ReplaceAll(header, "Message-ID:", "MESSAGE-Id :"), "To:", "TO:"),
		"another order":         "Subject: Hello there\x00\r\n" + strings.Replace(header, "Subject: Hello   there\x00\r\n", "", 1),
		"more fields":           "Received: from x\r\n by y\r\nX-Dandyroll: 1\r\n" + header + "Subject: in the body\r\n",
		"blanks at line ends":   strings.TrimSuffix(strings.ReplaceAll(header, "\r\n", " \r\n"), " \r\n") + "\r\n",
	} {
		if got := identity([]byte(rewritten), 200); got != want {
			t.Errorf("%s: identity changed", name)
		}
	}
	if len(want) != 32 {
		t.Errorf("identity %q is not 16 bytes in hexadecimal", want)
	}
}

// TestIdentityTellsApart makes sure that what differs, differs.
func TestIdentityTellsApart(t *testing.T) {
	seen := make(map[string]string)
	for name, header := range map[string]string{
		"nothing":          "",
		"empty Message-ID": "Message-ID:\r\n",
		"Message-ID":       "Message-ID: <a@b>\r\n",
		"Subject":          "Subject: <a@b>\r\n",
		"twice":            "Message-ID: <a@b>\r\nMessage-ID: <a@b>\r\n",
		"two halves":       "Message-ID: <a\r\nMessage-ID: @b>\r\n",
		"case":             "Message-ID: <A@b>\r\n",
		"To":               "To: a\r\nCc: b\r\n",
		"Cc":               "To: b\r\nCc: a\r\n",
		"question marks":   "Subject: a?b\r\n",
		"none of them":     "Subject: ab\r\n",
	} {
		id := identity([]byte(header), 7)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have one identity", name, other)
		}
		seen[id] = name
	}
	if identity(nil, 1) == identity(nil, 2) {
		t.Error("messages without Message-ID and Date are not told apart by their size")
	}
	if identityOfUID("1", "23") == identityOfUID("12", "3") {
		t.Error("identities of UIDs collide")
	}
}

// TestIdentityStays compares with fingerprints that were made independently, as identityScheme describes
// them: records of earlier passes hold such.
func TestIdentityStays(t *testing.T) {
	for want, got := range map[string]string{
		"a973d08071a689267e07dc76aa5e783a": identity([]byte("To: x,\r\n y\r\nMessage-ID: <a@b>\r\nSubject: Hello \xff\x00 there\r\n\r\n"), 7),
		"e63e21bfb0d014be8aae92fd098fcd48": identity([]byte("subject : x\r\n\r\nDate: x\r\n"), 7),
		"a4000ab6d7b30808a816c4716fd85d97": identityOfUID("12", "3"),
	} {
		if got != want {
			t.Errorf("identity is %s, want %s", got, want)
		}
	}
}

// FuzzIdentity asserts that a header of any bytes has an identity that the normal form of its
// values shares.
func FuzzIdentity(f *testing.F) {
	f.Add([]byte("Message-ID: <a@b>\r\nSubject: x\r\n y\r\n\r\nbody"))
	f.Add([]byte("\n\n: \x80?\n\t"))
	f.Fuzz(func(t *testing.T, header []byte) {
		var clean strings.Builder
		for name, value := range headerFields(header) {
			clean.WriteString(string(name) + ": " + string(appendNormalised(nil, value)) + "\r\n")
		}
		if identity(header, 1) != identity([]byte(clean.String()), 1) {
			t.Errorf("%q and %q differ", header, clean.String())
		}
	})
}
