package watermark_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

const signedMessage = "From: Ann <ann@example.org>\r\n" +
	"To: Ben <ben@example.org>\r\n" +
	"Subject:   folded\r\n\t subject \r\n" +
	"Received: from a by b\r\n" +
	"Received: from c by d\r\n" +
	"\r\n" +
	"first  line \r\n\r\nlast line\r\n\r\n\r\n"

// TestStampKeepsDKIM signs messages, stamps them and verifies the signatures: with each pair of
// canonicalisations (RFC 6376 section 3.4), with a selection of fields, with all of them, and with
// fields signed once more often than they occur, so that none can be added.
func TestStampKeepsDKIM(t *testing.T) {
	t.Parallel()
	fields := map[string][]string{
		"selection":  {"From", "Subject"},
		"all":        nil,
		"oversigned": {"From", "From", "To", "To", "Subject", "Subject", "Received", "Received", "Received", "Reply-To"},
	}
	for _, canonical := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
		for _, body := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
			for name, keys := range fields {
				t.Run(string(canonical)+"/"+string(body)+"/"+name, func(t *testing.T) {
					t.Parallel()
					signed, verify := sign(t, dkim.SignOptions{HeaderCanonicalization: canonical, BodyCanonicalization: body, HeaderKeys: keys})
					if strings.Contains(signed, " l=") {
						t.Fatal("the signature covers only a part of the body")
					}
					stamped := stamp(t, testMark(t), signed)
					again := stamp(t, testMark(t), stamped)
					for _, message := range []string{signed, stamped, again} {
						if err := verify(message); err != nil {
							t.Errorf("%v in\n%s", err, message)
						}
					}
					checkSensitive(t, verify, stamped)
				})
			}
		}
	}
}

// checkSensitive proves that the verification can fail.
func checkSensitive(t *testing.T, verify func(string) error, stamped string) {
	t.Helper()
	for old, changed := range map[string]string{"last line": "lost line", "Ann <ann": "Eve <ann", "subject": "subjects"} {
		if err := verify(strings.Replace(stamped, old, changed, 1)); err == nil {
			t.Errorf("the signature holds with %q in place of %q", changed, old)
		}
	}
}

// sign returns the signed message, and a function that verifies a message with the same key.
func sign(t *testing.T, options dkim.SignOptions) (signed string, verify func(message string) error) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	options.Domain, options.Selector, options.Signer = "example.org", "s", private
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(signedMessage), &options); err != nil {
		t.Fatal(err)
	}
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	lookup := &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{record}, nil }}
	return out.String(), func(message string) error {
		t.Helper()
		results, err := dkim.VerifyWithOptions(strings.NewReader(message), lookup)
		if err != nil {
			return err
		}
		if len(results) != 1 {
			t.Fatalf("%d signatures, want 1", len(results))
		}
		return results[0].Err
	}
}
