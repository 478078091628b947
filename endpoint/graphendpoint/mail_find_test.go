package graphendpoint

import (
	"fmt"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestMailIsFoundByMessageID(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	want := map[string][]string{"absent@example.org": nil, "example.org": nil, "": nil, "<>": nil, "nul\x00@\xff": nil, "\xff": nil, "x' or id ne '": nil}
	deliver := func(field string) string {
		ref, err := b.owner.Deliver("inbox", []byte(field+"From: bob@example.com\r\n\r\nMessage-ID: <body@example.org>\r\n"), graphserve.Delivery{})
		noError(t, err)
		return ref
	}
	for _, id := range []string{
		"1@example.org", "11@example.org", "A@example.org", "a@example.org", "*@example.org", "%@example.org", `"q"@example.org`, `b\@example.org`,
		"(c)@example.org", "NIL", "d'@example.org", "e+$&@example.org", "f%24@example.org", "g#?=@example.org",
	} {
		want[id] = []string{deliver(fmt.Sprintf("Message-ID: <%s>\r\n", id))}
	}
	want["1@example.org"] = append(want["1@example.org"], deliver("message-id: <1@example.org>\r\n"))
	want["bare"] = []string{deliver("Message-ID: bare\r\n")}
	deliver("Message-ID: <other@example.org>\r\nReferences: <1@example.org>\r\n")
	for id, refs := range want {
		for _, asked := range []string{id, "<" + id + ">", " <" + id + ">\r\n"} {
			wantRefs(t, fmt.Sprintf("find %q", asked), mailOf(t, b.find(t.Context(), b.inbox(), asked)), refs)
		}
	}
	wantRefs(t, "another folder", mailOf(t, b.find(t.Context(), b.owner.Folder("Archive"), "1@example.org")), nil)
}
