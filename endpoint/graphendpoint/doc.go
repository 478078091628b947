// Package graphendpoint is a mailbox of Microsoft 365, over Microsoft Graph v1.0: mail, calendars, contacts and tasks, as
// source and as destination. Notes and journal entries are listed and can be read, not written. [Open] opens a mailbox, and
// [OpenDirectory] the users of an organisation.
//
// Items do not arrive byte for byte: Exchange takes them apart, and makes new ones of what it kept whenever they are read. So a copy cannot
// be compared with what was sent, and at this destination a pass refuses the policies that replace, remove or follow items. Flags can
// be merged.
//
// # Folders
//
// Folders of mail have the paths that Outlook shows, but for the inbox, which is INBOX in every language. Everything else is below a
// folder that does not exist, so that it cannot be confused with mail: calendars below [Calendars], contact folders below [Contacts],
// task lists below [Tasks], notes and journals below [Notes] and [Journal]. These are Capabilities.Roots; the folders into which
// new items go by themselves have a role. A folder of mail that is called like one of these has one more pair of brackets. Calendars and
// task lists have no tree: " / " in their names separates the components of a path. Control characters and white space at the ends
// of names are =xHH.
//
// Left out are search folders, folders of mail with another class than mail, the list of flagged mail in To Do, and "Dandyroll import
// …" (below). Hidden folders of mail are not subscribed. Archive mailboxes and distribution lists do not show in Graph.
//
// # Marks
//
// The mark of a message, event or contact is the named property X-Dandyroll in PS_INTERNET_HEADERS, which Exchange shows as a field of
// the header, through Graph and IMAP alike. The mark of a task is an open extension. An item that takes one request has its mark
// from that request. No other counts before it is whole:
//
//	mail       is made in the hidden folder "Dandyroll import DATE", completed, and moved
//	events     with changed occurrences or attachments have it in the property X-Dandyroll-Partial until they are whole
//	contacts   with a photo, too
//	tasks      have it in a link to the application Dandyroll, which is taken away at last
//
// What a crash leaves of an event, contact or task is deleted by the next put under the same mark; what it leaves of mail, with its
// folder, when one is next needed and it is older than yesterday's.
//
// # Identity and states
//
// Reference and identity of an item are its immutable ID, which stays when the item moves within the mailbox. The state of a folder of
// mail is the link that ended a round of changes; when the service has forgotten it, the folder is listed whole. Graph has no
// such rounds for events, nor any that show the marks of contacts and tasks; the states of their folders are digests of all items, which
// costs a list of IDs and versions.
//
// # Ways of mail
//
// The formats of both sides decide, before anything else does:
//
//   - Between two mailboxes of Exchange Online of which one may be exported and the other imported to (see Permissions), a message
//     goes as [FastTransfer], with all that Exchange knows of it, but for the mark of an earlier migration.
//   - With Config.BetaImportMIME, a message of up to 3 MB that is no draft goes by the beta importMime, which keeps its bytes.
//   - Everything else is made from its parts, as JSON. What does not fit into one request, of 3.5 MB, is added afterwards, in slices
//     where it is above 3 MB by itself.
//
// What the service refuses of a message is left out and attached as a file: first its addresses and header; if that is refused, too, all
// of it, as original.eml. Events, contacts and tasks go as iCalendar and vCard only.
//
// # Permissions
//
// Application permissions of Microsoft Graph. Without one that a kind in Config.Kinds needs, the mailbox does not open, and the error
// is Denied.
//
//	                   as source               as destination
//	mail               Mail.Read               Mail.ReadWrite, Mail-Advanced.ReadWrite.All
//	calendars          Calendars.Read          Calendars.ReadWrite
//	contacts           Contacts.Read           Contacts.ReadWrite
//	tasks              Tasks.Read.All          Tasks.ReadWrite.All
//	FastTransfer       MailboxItem.Export.All  MailboxItem.ImportExport.All; User.Read.All for both
//	notes, journals    those of FastTransfer, MailboxItem.Read.All, MailboxFolder.Read.All
//
// FastTransfer, notes and journals are used where they are allowed; that they are not is no error, unless Config.Kinds names notes or
// journals. Mail-Advanced is for attachments that are added to a message, and for importMime. The README of examples/imap-to-graph says how to grant all this, and to some mailboxes only; [Directory] names its own.
//
// # Limits and waiting
//
// A mailbox is asked four things at a time, 10,000 in ten minutes, and sent 150 MB in five minutes, which is what the service allows to
// one program. Up to five seconds are waited for in silence, in the middle of an item that takes several requests up to ten minutes;
// beyond that a call fails with Throttled and says for how long. An answer of which nothing comes for two minutes is given up.
//
// What may be done twice, such as reading, changing and deleting, is sent up to five times when the service fails. What makes an item is
// sent again only if the service was not reached or said that it did nothing, or if it makes an event, of which the service makes one
// for a transactionId. Otherwise the error is InDoubt, and the caller looks for the mark.
//
// # Errors
//
// Errors are of type *[endpoint.Error]. Their texts name the status and the code of the service, never people, IDs or content.
//
//	Unauthenticated   no token, or not a valid one; [ErrWrongTenant]
//	Denied            a permission is missing, or there is no such mailbox or user; [ErrNoMailbox], [ErrUnknownUser]
//	NotFound          no such item or folder; in a [Directory], user, mailbox or licence; [ErrNoSuchLicence]
//	TooLarge          above 150 MB, or above what the organisation allows
//	Rejected          no event, contact or task, or more than one; what the service does not take; [ErrNoUsageLocation]
//	OverQuota         the mailbox is full, or no licence is left
//	Throttled         with the time to wait
//	Damaged           the service cannot deliver the item
//	InDoubt           the item may have been made
//	Unavailable       everything else that may pass
//
// # National clouds
//
// Config.Root is the service of the cloud, such as https://graph.microsoft.us/v1.0, and the credential has to be of its authority. There is
// no FastTransfer in them, hence no notes and journals.
//
// # What becomes of mail
//
// Written as JSON:
//
//	maps           Subject (255 characters), From, Sender, To, Cc, Bcc, Reply-To (500 recipients that the service takes),
//	               Message-ID (998), Date and time of receipt (from 1601 to 4500, to the second), In-Reply-To and References
//	               (8,000), Importance, X-Priority and Priority; the system flags and $Forwarded; other
//	               keywords, as categories (100 of 255 characters)
//	approximated   without Message-ID, the service makes one; without Date, the time of receipt is that of sending; HTML
//	               before text, in UTF-8, up to 2 MB, is the body; more texts are files ATT00002.txt and so on, attached
//	               messages files .eml; control characters are spaces
//	kept           the first 32,000 bytes of the header, where Outlook shows it, a longer one whole as header.txt; a body
//	               that was cut, as a file; signed mail, beside its parts, as original.eml, in which the signature holds
//	               (above 10 MB only that); broken structure, over 250 parts or 32 levels, as original.eml
//	lost           alternative texts beside the body; structure, boundaries, preambles; fields and parameters of parts but
//	               type, name and Content-ID; of \Answered and $Forwarded together, the latter; keywords that programs
//	               use ($Junk) or that have commas or semicolons. Flags that are lost are reported as dropped
//	refused        above 150 MB
//
// With importMime, bytes and structure are kept, but for lines that end with a lone LF. The service takes the time of receipt from the
// header, so Capabilities.Received is false. Flags are as above.
//
// Read:
//
//	maps           what Exchange makes of the message as MIME; read, flagged, replied to, forwarded, draft, deleted in IMAP, and
//	               categories, as flags
//	lost           the bytes as they were received, and so most signatures; that a message was replied to before it was
//	               forwarded
//
// # What becomes of events
//
// A VEVENT with its overrides (RFC 5545) becomes an event, and the other way round. Nobody is invited.
//
//	maps           DTSTART, DTEND and DURATION (UTC, zones of Windows and of IANA, days), SUMMARY, DESCRIPTION or X-ALT-DESC,
//	               LOCATION, GEO, CATEGORIES, TRANSP with X-MICROSOFT-CDO-BUSYSTATUS, one VALARM before the start, RRULE
//	               (daily, weekly, monthly and yearly by day or nth weekday; COUNT, UNTIL), EXDATE, overrides, ATTACH with data
//	approximated   CLASS and PRIORITY by three values; floating times are in X-WR-TIMEZONE or UTC; an unknown zone is one with
//	               its offsets, or UTC; alarms to the minute; and, with the rule in the body: months without a 29th to 31st
//	               (their last day), COUNT above 999 (no end), a DTSTART that is no day of its rule
//	once only      with the rule in the body: HOURLY and below, several RRULE, BYSETPOS and lists beyond the nth of some
//	               weekdays, BYWEEKNO, BYYEARDAY, intervals above 999
//	kept           UID, ATTENDEE, ORGANIZER, other alarms, STATUS, URL, CONFERENCE, links in ATTACH, floating times, zones and
//	               their VTIMEZONE, DURATION, every other property; and what was approximated. It shows as long as nobody
//	               changes in Outlook what it says. People, links, RDATE, EXRULE, overrides with RANGE or of no occurrence, and
//	               texts above 255 characters stand in the body, too
//	lost           METHOD, PRODID; components other than alarms; EXDATE of no occurrence; the override of a cancelled
//	               occurrence; lines that are no content lines; of what is kept, the longest properties, where all are above
//	               15,000 UTF-16 units: their names stay. From Graph: times of responses, proposed times, hideAttendees, all of
//	               a location but name and coordinates, double quotes in names
//	refused        several events in one text, no start from 1601 to 4500, above 500 changed occurrences, above 16 MB
//
// # What becomes of contacts
//
// A vCard 2.1, 3.0 or 4.0 (RFC 6350) becomes a contact, and a contact a vCard 4.0.
//
//	maps           FN, N, NICKNAME, EMAIL (3), TEL (a mobile, 2 at home, 2 at work), ADR (home, work, other), ORG, TITLE,
//	               ROLE (profession), URL, NOTE, IMPP (3), BDAY, ANNIVERSARY, RELATED (spouse and 25 children, by name),
//	               CATEGORIES (100), PHOTO (one, up to 4 MB), UID, X-MS-MANAGER, X-MS-ASSISTANT, X-EVOLUTION-FILE-AS,
//	               X-INITIALS, X-PHONETIC-FIRST-NAME, X-PHONETIC-LAST-NAME, X-PHONETIC-ORG
//	approximated   a number neither mobile nor at home is one at work; post office box and extended address are lines of the
//	               street, and the extended address at work is the office; units of ORG are one department; a day without a
//	               year is in 1604; a group is a contact; X-JABBER and its like are IMPP
//	kept           every other line, and the details of those that map (types, preference, group, language), which show as
//	               long as nobody changes the field in Outlook
//	lost           PRODID, REV; a card within the card (AGENT); parameters of PHOTO and CATEGORIES; lines that have no room in
//	               15,000 UTF-16 units: details before other lines, those at the end of the card before those at its
//	               beginning. From Graph: names beside e-mail addresses, extensions
//	refused        a greater photo; several cards in one text; above 12 MB
//
// # What becomes of tasks
//
// A VTODO (RFC 5545) becomes a task of To Do, and the other way round.
//
//	maps           SUMMARY (255 characters), DESCRIPTION or X-ALT-DESC (HTML), STATUS, PRIORITY, DTSTART, DUE and COMPLETED
//	               (days), RRULE, one VALARM, CATEGORIES (100), UID; URL, ATTACH and X-LINKED-RESOURCE with a web address (25
//	               links); X-CHECKLIST-ITEM, with X-CHECKED=TRUE (100 steps); X-GRAPH-STATUS (deferred, waitingOnOthers)
//	approximated   days have no time; CANCELLED is completed; PERCENT-COMPLETE is a status; priorities are high (1 to 4),
//	               normal and low (6 to 9); a rule without DUE is due from DTSTART; reminders are to the minute
//	kept           what was approximated, as long as nobody changes the field; rules that Graph cannot express; every other
//	               property and alarm; ATTACH with data
//	lost           overrides of single occurrences; properties of the calendar; definitions of zones, for which an IANA name
//	               stands; PRODID and LAST-MODIFIED; of what is kept, what has no room in 15,000 UTF-16 units. From Graph:
//	               attachments, times of steps
//	refused        several tasks in one text; above 12 MB
//
// # Not confirmed against the service
//
// This package was written without a tenant, after Microsoft's documentation and what others report. Where that is silent or contradicts
// itself, this is what it relies on, and what would happen otherwise:
//
//   - The service takes 0x0E07 (no draft), dates and the mark in the request that makes a message. Otherwise the answer says that it is a
//     draft: it is deleted, and the item fails with Unsupported. Dates and marks are proven by the trial item of the pass.
//   - importMime takes 3 MB. What it refuses goes as JSON.
//   - The ID that an import answers with can be used for the message. If not, it is translated; if that fails, too, the item fails, and what
//     was imported goes with its hidden folder.
//   - Attachments may be added to a message that is no draft, and IPM.Note.SMIME be set as class. Otherwise such an item fails
//     with Denied, or goes without its class.
//   - A property in PS_INTERNET_HEADERS shows as a field of the header. Otherwise marks are seen through Graph only, and an IMAP endpoint
//     on the same mailbox does not know them.
//   - Rounds of changes keep neither extended properties nor extensions: they are asked for IDs only, and the properties apart. Should
//     they keep them, this costs requests that need not be.
//   - Bytes that go to addresses of uploads count among the 150 MB. Otherwise great attachments could go faster.
//   - An exception may move past its neighbour, or past the end of a series with COUNT. Otherwise the event is Rejected.
//   - Exceptions of a series come in pages, and the day of a cancelled occurrence is local or in UTC: both are understood. Exchange rewrites
//     HTML bodies: a body that was kept no longer shows then, and the new one does.
//   - Events are found by iCalUId. Otherwise those that Dandyroll did not make are not found by their UID.
//   - The links of a task are made with it. Otherwise they are made afterwards, and a crash before the extension is set leaves a task
//     without a mark, which is then there twice.
//   - To Do shows bodies in HTML, and lists tasks with their extensions. If it refuses either, tasks fail one by one, or cannot be listed.
package graphendpoint
