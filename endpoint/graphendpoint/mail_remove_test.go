package graphendpoint

import (
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestMailIsRemoved(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]graphserve.Quirks{"usual": {}, "to trash": {DeleteToTrash: true}} {
		t.Run(name, func(t *testing.T) {
			b := openMail(t, quirks)
			trash := b.owner.Folder("Deleted Items")
			refs := b.deliver(t, "inbox", 0, 1, 2)
			mark := testMark(t)
			noError(t, b.owner.SetProperty(refs[1], markProperty, mark.String()))
			noError(t, b.remove(t.Context(), b.inbox(), refs[1]))
			wantRefs(t, "inbox", mailOf(t, b.refs(t.Context(), b.inbox())), []string{refs[0], refs[2]})
			wantRefs(t, "trash", mailOf(t, b.refs(t.Context(), trash)), []string{refs[1]})
			if s := mailOf(t, b.marks(t.Context(), trash, "")); len(s) != 1 || s[0].Marks.Marks[0] != mark {
				t.Errorf("marks in the trash %+v", s)
			}
			for _, ref := range []string{refs[1], "4294967295", "x\r\ny", ""} {
				wantMailCode(t, ref, b.remove(t.Context(), b.inbox(), ref), endpoint.NotFound)
			}
			wantRefs(t, "trash", mailOf(t, b.refs(t.Context(), trash)), []string{refs[1]})
			noError(t, b.remove(t.Context(), trash, refs[1]))
			wantRefs(t, "trash", mailOf(t, b.refs(t.Context(), trash)), nil)
			wantMailCode(t, "for the second time", b.remove(t.Context(), trash, refs[1]), endpoint.NotFound)
			wantRefs(t, "inbox", mailOf(t, b.refs(t.Context(), b.inbox())), []string{refs[0], refs[2]})
		})
	}
}

func TestMailIsRemovedThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []graphserve.FaultKind{graphserve.TimeoutAfter, graphserve.ResetAfter, graphserve.ResetBefore, graphserve.UnavailableBefore} {
		b := openMail(t, graphserve.Quirks{})
		refs := b.deliver(t, "inbox", 0, 1)
		b.server.Inject(graphserve.Fault{Route: "POST /users/{user}/messages/{message}/move", Kind: kind})
		noError(t, b.remove(t.Context(), b.inbox(), refs[0]))
		wantRefs(t, "inbox", mailOf(t, b.refs(t.Context(), b.inbox())), refs[1:])
		wantRefs(t, "trash", mailOf(t, b.refs(t.Context(), b.owner.Folder("Deleted Items"))), refs[:1])
	}
}
