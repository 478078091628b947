package graphendpoint

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func sortedFlags(flags []endpoint.Flag) string {
	return fmt.Sprintf("%q", slices.Sorted(slices.Values(flags)))
}

// wantFlags checks the flags of a message as flags, and read, yield them.
func (b mailBox) wantFlags(t *testing.T, ref string, want ...endpoint.Flag) {
	t.Helper()
	got := mailOf(t, b.flags(t.Context(), b.inbox(), []string{ref}))
	if len(got) != 1 || got[0].Ref != ref || sortedFlags(got[0].Flags) != sortedFlags(want) {
		t.Errorf("flags %+v, want %q", got, want)
	}
	if body, _ := b.readMail(t, ref, 1<<20); sortedFlags(body.Flags) != sortedFlags(want) {
		t.Errorf("read with flags %q, want %q", body.Flags, want)
	}
}

func TestMailFlagsAreRead(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	for name, c := range map[string]struct {
		fields     map[string]any
		properties map[string]string
		want       []endpoint.Flag
	}{
		"none":      {},
		"read":      {fields: map[string]any{"isRead": true}, want: []endpoint.Flag{endpoint.Seen}},
		"draft":     {fields: map[string]any{"isDraft": true}, want: []endpoint.Flag{endpoint.Draft}},
		"flagged":   {fields: map[string]any{"flag": map[string]any{"flagStatus": "flagged"}}, want: []endpoint.Flag{endpoint.IsFlagged}},
		"complete":  {fields: map[string]any{"flag": map[string]any{"flagStatus": "complete"}}},
		"answered":  {properties: map[string]string{verbProperty: "102"}, want: []endpoint.Flag{endpoint.Answered}},
		"to all":    {properties: map[string]string{verbProperty: "103"}, want: []endpoint.Flag{endpoint.Answered}},
		"forwarded": {properties: map[string]string{verbProperty: "104"}, want: []endpoint.Flag{"$Forwarded"}},
		"deleted":   {properties: map[string]string{deletedProperty: "1"}, want: []endpoint.Flag{endpoint.Deleted}},
		"no number": {properties: map[string]string{verbProperty: "x", deletedProperty: "0"}},
		"categories": {
			fields: map[string]any{"categories": []any{"Red category", `\Seen`, "$forwarded", "red CATEGORY", ""}},
			want:   []endpoint.Flag{"Red category", "$forwarded"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ref := b.deliver(t, "inbox", 1)[0]
			noError(t, b.owner.Update(ref, c.fields))
			for id, value := range c.properties {
				noError(t, b.owner.SetProperty(ref, id, value))
			}
			b.wantFlags(t, ref, c.want...)
		})
	}
}

func TestMailFlagsAreSet(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{RestrictUpdates: true})
	ref, err := b.owner.Deliver("inbox", smallMail(1), graphserve.Delivery{})
	noError(t, err)
	other := b.deliver(t, "inbox", 2)[0]
	noError(t, b.owner.Update(ref, map[string]any{"categories": []any{"Kept", `\odd`, "a,b"}}))
	has := []endpoint.Flag{"Kept", "a,b"}
	for _, step := range []struct {
		add, remove []endpoint.Flag
		want        []endpoint.Flag
	}{
		{add: []endpoint.Flag{`\seen`, endpoint.IsFlagged}, want: []endpoint.Flag{endpoint.Seen, endpoint.IsFlagged}},
		{add: []endpoint.Flag{endpoint.Seen, endpoint.Answered}, remove: []endpoint.Flag{endpoint.IsFlagged}, want: []endpoint.Flag{endpoint.Seen, endpoint.Answered}},
		{add: []endpoint.Flag{endpoint.Deleted, "Work"}, remove: []endpoint.Flag{endpoint.Seen}, want: []endpoint.Flag{endpoint.Answered, endpoint.Deleted, "Work"}},
		{add: []endpoint.Flag{"work"}, remove: []endpoint.Flag{endpoint.Answered, endpoint.Deleted}, want: []endpoint.Flag{"Work"}},
		{add: []endpoint.Flag{"$Forwarded"}, remove: []endpoint.Flag{"WORK"}, want: []endpoint.Flag{"$Forwarded"}},
		{remove: []endpoint.Flag{"$Forwarded", endpoint.Draft, "absent"}},
		{add: []endpoint.Flag{endpoint.Draft}},
	} {
		noError(t, b.setFlags(t.Context(), b.inbox(), endpoint.FlagChange{Ref: ref, Add: step.add, Remove: step.remove}))
		b.wantFlags(t, ref, append(step.want, has...)...)
	}
	item, err := b.owner.Item(ref)
	noError(t, err)
	if got := fmt.Sprint(item.Fields["categories"]); got != `[Kept \odd a,b]` {
		t.Errorf("categories %s", got)
	}
	if len(item.Properties) != 3 { // verb, icon and deleted
		t.Errorf("properties %v", item.Properties)
	}
	b.wantFlags(t, other)
}

func TestMailFlagsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	ref := b.deliver(t, "inbox", 1)[0]
	for _, flag := range endpointtest.HostileFlags() {
		before := sortedFlags(mailOf(t, b.flags(t.Context(), b.inbox(), []string{ref}))[0].Flags)
		noError(t, b.setFlags(t.Context(), b.inbox(), endpoint.FlagChange{Ref: ref, Add: []endpoint.Flag{flag}}))
		noError(t, b.setFlags(t.Context(), b.inbox(), endpoint.FlagChange{Ref: ref, Remove: []endpoint.Flag{flag}}))
		if after := sortedFlags(mailOf(t, b.flags(t.Context(), b.inbox(), []string{ref}))[0].Flags); after != before {
			t.Errorf("after %.40q came and went, flags are %s, were %s", flag, after, before)
		}
	}
}

func TestMailFlagsThatStayAreNotWritten(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	ref := b.deliver(t, "inbox", 1)[0]
	noError(t, b.owner.SetProperty(ref, verbProperty, "103"))
	noError(t, b.setFlags(t.Context(), b.inbox(), endpoint.FlagChange{Ref: ref, Add: []endpoint.Flag{endpoint.Answered}, Remove: []endpoint.Flag{endpoint.Seen}}))
	for _, r := range b.server.Requests() {
		if strings.HasPrefix(r.Route, "PATCH") {
			t.Errorf("request %+v", r)
		}
	}
}

func TestMailFlagsOfManyAndOfNone(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	refs := b.deliver(t, "inbox", upTo(20)...)
	noError(t, b.owner.MarkRead(refs[7], true))
	noError(t, b.owner.Move(refs[5], "archive"))
	noError(t, b.owner.Delete(refs[6]))
	count := func(asked []string) int {
		list := mailOf(t, b.flags(t.Context(), b.inbox(), asked))
		for _, f := range list {
			if f.Ref == refs[5] || f.Ref == refs[6] || f.Ref == refs[7] != slices.Contains(f.Flags, endpoint.Seen) {
				t.Errorf("flags %+v", f)
			}
		}
		return len(list)
	}
	for _, c := range []struct {
		asked []string
		want  int
	}{{nil, len(refs) - 2}, {refs, len(refs) - 2}, {refs[4:9], 3}, {refs[4:8], 2}, {[]string{}, 0}, {[]string{"none"}, 0}} {
		if got := count(c.asked); got != c.want {
			t.Errorf("asked for %d, got %d, want %d", len(c.asked), got, c.want)
		}
	}
	wantMailCode(t, "moved", b.setFlags(t.Context(), b.inbox(), endpoint.FlagChange{Ref: refs[5], Add: []endpoint.Flag{endpoint.Seen}}), endpoint.NotFound)
	wantMailCode(t, "gone", b.setFlags(t.Context(), b.inbox(), endpoint.FlagChange{Ref: refs[6], Add: []endpoint.Flag{endpoint.Seen}}), endpoint.NotFound)
	if item, err := b.owner.Item(refs[5]); err != nil || item.Fields["isRead"] != false {
		t.Errorf("a message in another folder is %v, %v", item.Fields["isRead"], err)
	}
}
