package graphendpoint

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Properties that hold flags for which Graph has no field.
const (
	verbProperty = "Integer 0x1081" // PidTagLastVerbExecuted (MS-OXOMSG section 2.2.1.22)
	iconProperty = "Integer 0x1080" // PidTagIconIndex (MS-OXOMSG section 2.2.1.10), which shows the verb
	// deletedProperty is PidLidImapDeleted (MS-OXPROPS), which is \Deleted for Exchange's own IMAP.
	deletedProperty = "Integer {00062008-0000-0000-C000-000000000046} Id 0x8570"
)

const (
	// verbReplyAll is the value of PidTagLastVerbExecuted that means \Answered, too.
	verbReplyAll = 103
	// noIcon is the value of PidTagIconIndex for an ordinary message.
	noIcon = -1
)

// forwardedFlag is the keyword of that meaning (RFC 5788 registry).
const forwardedFlag endpoint.Flag = "$Forwarded"

func flagView() mailView {
	return mailView{fields: []string{"isRead", "isDraft", "flag", "categories"}, properties: []string{verbProperty, deletedProperty}}
}

// mailFlags returns the flags of a message that was asked for with flagView. Categories are keywords, except those that would read as
// a system flag.
func mailFlags(m models.Messageable) []endpoint.Flag {
	var flags []endpoint.Flag
	add := func(has bool, flag endpoint.Flag) {
		if has && !hasFlag(flags, flag) {
			flags = append(flags, flag)
		}
	}
	verb, _ := strconv.Atoi(propertyOf(m, verbProperty)) // none is 0
	add(isTrue(m.GetIsRead()), endpoint.Seen)
	add(verb == verbReply || verb == verbReplyAll, endpoint.Answered)
	add(isFlagged(m), endpoint.IsFlagged)
	add(isDeleted(m), endpoint.Deleted)
	add(isTrue(m.GetIsDraft()), endpoint.Draft)
	add(verb == verbForward, forwardedFlag)
	for _, category := range m.GetCategories() {
		add(category != "" && category[0] != '\\', endpoint.Flag(category))
	}
	return flags
}

func isTrue(b *bool) bool { return b != nil && *b }

// isFlagged reports whether a message is flagged for follow-up; one whose follow-up is complete is not.
func isFlagged(m models.Messageable) bool {
	return m.GetFlag() != nil && m.GetFlag().GetFlagStatus() != nil && *m.GetFlag().GetFlagStatus() == models.FLAGGED_FOLLOWUPFLAGSTATUS
}

func isDeleted(m models.Messageable) bool {
	value := propertyOf(m, deletedProperty)
	return value != "" && value != "0"
}

func deletedValue(deleted bool) string {
	if deleted {
		return "1"
	}
	return "0"
}

func hasFlag(flags []endpoint.Flag, flag endpoint.Flag) bool {
	return slices.ContainsFunc(flags, func(f endpoint.Flag) bool { return strings.EqualFold(string(f), string(flag)) })
}

// flags yields the flags of the named messages, or of all with nil.
func (s mailShelf) flags(ctx context.Context, folder string, refs []string) iter.Seq2[endpoint.Flagging, error] {
	messages := s.whole(ctx, folder, flagView())
	if refs != nil {
		messages = s.named(ctx, folder, refs, flagView())
	}
	return func(yield func(endpoint.Flagging, error) bool) {
		for m, err := range messages {
			if err != nil {
				yield(endpoint.Flagging{}, err)
				return
			}
			if !yield(endpoint.Flagging{Ref: idOf(m), Flags: mailFlags(m)}, nil) {
				return
			}
		}
	}
}

// setFlags changes what the flags of a message are in Graph. \Draft cannot be changed: a message that was made as a draft stays one,
// and no other becomes one.
func (s mailShelf) setFlags(ctx context.Context, folder string, change endpoint.FlagChange) error {
	m, err := s.message(ctx, folder, change.Ref, flagView())
	if err != nil {
		return err
	}
	now := mailFlags(m)
	wanted := slices.DeleteFunc(slices.Clone(now), func(f endpoint.Flag) bool { return hasFlag(change.Remove, f) })
	for _, f := range change.Add {
		if !hasFlag(wanted, f) {
			wanted = append(wanted, f)
		}
	}
	patch := flagPatch(m, now, wanted)
	if patch == nil {
		return nil
	}
	_, err = s.me().Messages().ByMessageId(change.Ref).Patch(ctx, patch, nil)
	return orNil(err)
}

// flagPatch returns the change that gives a message other flags, and nothing else; nil for no change.
func flagPatch(m models.Messageable, now, wanted []endpoint.Flag) models.Messageable {
	from, to := stateOf(now), stateOf(wanted)
	patch, changed := models.NewMessage(), false
	if to.read != from.read {
		patch.SetIsRead(&to.read)
		changed = true
	}
	if to.flagged != from.flagged {
		patch.SetFlag(followUp(to.flagged))
		changed = true
	}
	if kept := keptCategories(m, now, wanted, to.categories); !slices.Equal(kept, m.GetCategories()) {
		patch.SetCategories(kept)
		changed = true
	}
	var properties []extended
	if to.verb != from.verb {
		icon := to.icon
		if to.verb == 0 {
			icon = noIcon
		}
		properties = append(properties, extended{verbProperty, strconv.Itoa(to.verb)}, extended{iconProperty, strconv.Itoa(icon)})
	}
	if deleted := hasFlag(wanted, endpoint.Deleted); deleted != isDeleted(m) {
		properties = append(properties, extended{deletedProperty, deletedValue(deleted)})
	}
	if len(properties) > 0 {
		patch.SetSingleValueExtendedProperties(extendedWith(properties...))
		changed = true
	}
	if !changed {
		return nil
	}
	return patch
}

// keptCategories returns the categories that a message is to have: those of it that are no flags, or wanted as such, and new ones.
func keptCategories(m models.Messageable, now, wanted []endpoint.Flag, categories []string) []string {
	kept := []string{}
	for _, c := range m.GetCategories() {
		if flag := endpoint.Flag(c); strings.HasPrefix(c, `\`) || !hasFlag(now, flag) || hasFlag(wanted, flag) {
			kept = append(kept, c)
		}
	}
	for _, added := range categories {
		if !slices.ContainsFunc(kept, func(c string) bool { return strings.EqualFold(added, c) }) {
			kept = append(kept, added)
		}
	}
	return kept
}

func followUp(flagged bool) models.FollowupFlagable {
	status := models.NOTFLAGGED_FOLLOWUPFLAGSTATUS
	if flagged {
		status = models.FLAGGED_FOLLOWUPFLAGSTATUS
	}
	flag := models.NewFollowupFlag()
	flag.SetFlagStatus(&status)
	return flag
}
