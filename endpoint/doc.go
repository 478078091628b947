// Package endpoint is the portable view of a mailbox: folders, items, bodies and marks.
//
// Programs hold a [Mailbox], which the package of a driver opens for them; authors of endpoints
// implement a [Driver]. What an endpoint can do is one value, [Capabilities]; how it fails is one
// type, [Error], with a [Code].
//
// Clauses, by number, that every Driver keeps and that package endpointtest proves:
//
//	E01 Info and Capabilities are equal at every call of every session on a mailbox.
//	E02 Folders yields each folder once, parents first, INBOX among them; IDs and paths are unique.
//	E03 A path that CreateFolder was given is the path that every session lists, whatever its
//	    characters, and no two of them are one folder.
//	E04 A folder has one ID and one Validity in all sessions. One that is renamed keeps its ID, or
//	    its old ID is NotFound.
//	E05 CreateFolder needs no parents, and returns the folder as Folders would. A folder that
//	    exists it returns, too, and changes nothing.
//	E06 List yields every item once, in one order. Refs yields the references of List, in its order.
//	E07 List and Marks since a State yield every item that came since, of those that are there.
//	E08 A State is equal exactly as long as no item came or went; without Capabilities.States,
//	    listed folders have none (see E40). What an endpoint counts besides, such as flags, may
//	    change it as well.
//	E09 Once a Validity changed, State, List, Refs, Marks, Read, Flags, Find, SetFlags and Delete of
//	    the old one fail with Stale.
//	E10 Any method may be called from the body of a loop.
//	E11 A loop that is left early leaves the session usable.
//	E12 An item has one Identity in every session and under every Validity, and needs no header for
//	    it. With Capabilities.Identity, equal messages have an equal one, in any mailbox that names
//	    the same; without it, no two items share one. Messages that differ in a field of those that
//	    no server rewrites (Message-ID, Date, From, To, Subject) differ in it.
//	E13 Read yields one body for each reference, with code NotFound for items that are gone, and
//	    refuses formats that the caller does not accept with Unsupported.
//	E14 A Content has its exact Size and opens any number of times, at once too. With
//	    Capabilities.Exact its bytes are those that are there.
//	E15 The bodies of one Read hold no more memory than the caller allows. Others go to TempDir,
//	    where nothing stays behind.
//	E16 Put yields one result for each item. Marks, in every session, then yields the item, its
//	    mark before any other; a Ref in the result is that of the item.
//	E17 What is written is [watermark.Prefix] and the body, byte for byte with Capabilities.Exact.
//	E18 A flag is kept, or reported as dropped. The system flags are always kept, but for \Deleted,
//	    which some mailboxes do not have; other flags with a backslash never are, and keywords only
//	    with Capabilities.Keywords.
//	E19 With Capabilities.Received, the time of receipt is kept to the second.
//	E20 No name, flag, time or body makes the put of a mail fail, harms another item, or is
//	    executed. Flags that cannot be kept are dropped; times are clamped.
//	E21 An item above Capabilities.MaxItem is TooLarge, and harms no other.
//	E22 An item whose body fails or is not of its size is refused, and not written, not even in
//	    part. No other item of the call gets a wrong answer; InDoubt is not wrong.
//	E23 Put does not look at what is there: the same body under two marks makes two items.
//	E24 Reading changes nothing, not even a flag.
//	E25 A call whose context ends returns the error of the context soon; a Put begins no item after
//	    that.
//	E26 Close ends the calls in flight, and may be called twice. What is called afterwards fails.
//	    Contents outlive it.
//	E27 As many calls may run at once as Capabilities.Concurrency says.
//	E28 Subscribe makes the folder one that is shown, and no other. Again is no error.
//	E29 DeleteFolder deletes the folder with its items, and no other; not INBOX. A folder that is
//	    gone is NotFound, and one made anew under its path shares no reference with it.
//	E30 Errors name operation and driver and have a code. They tell no secret, address or content.
//	E31 What Capabilities denies (a method, a kind, a format) is Unsupported and has no effect.
//	E32 Quota says what is known, or fails with Unsupported.
//	E33 Items of every kind in Capabilities.Write are written and found by their marks, in folders that were
//	    made for the kind, beneath its path in Capabilities.Roots.
//	E34 Delete takes exactly the named items out of the folder, also where others have the flag
//	    \Deleted. They are in the folder with role Trash afterwards, marks and all, if there is one
//	    and they were elsewhere. An item that is gone is NotFound and harms no other.
//	    Where only deletion for good is left and the endpoint cannot do that alone, it is Unsupported.
//	E35 Flags yields what Read would, of the named items or of all. With Capabilities.FlagStates, a
//	    change of them changes the State of the folder.
//	E36 SetFlags adds and removes exactly the named flags; items that are gone are NotFound. \Draft may
//	    be decided when an item is made, and stay.
//	E37 Find yields exactly the items with that Message-ID, or UID where they are no mail, whatever
//	    characters it has.
//	E38 With Capabilities.Versions, what changes the content of an item changes its Version and the
//	    State of its folder, and List since the State before yields the item. Its Ref and Identity
//	    stay.
//	E39 Item.Sent is the time in the Date field of a mail, zero where there is none that can be read.
//	E40 With Capabilities.StateSince, State tells what Folders does not: since an earlier State of
//	    the folder, told in any session, that very one exactly as long as no item came or went, else
//	    one that no State from before the change equals. An expired State is no error: State since it
//	    tells another, and List and Marks since it yield every item.
//	E41 With Capabilities.Outlines, Outline yields the items of List, in its order, with the same Ref,
//	    Kind and Received, foreseen or not, and Read tells of each the Identity that List does.
//	E42 Stayed of two States of a folder is nil if an item left between them. Where it is not, what
//	    it tells of is there at the second State, unless it left before the first one.
package endpoint
