// Package graphserve is a fake of Microsoft Graph v1.0 for tests: users, mail, calendars, contacts, To Do tasks, and the import and export of
// mailboxes, over loopback HTTP.
//
// It is not a mock. It keeps mailboxes and answers as the service answers, with the habits that break clients: opaque paging links, delta rounds that
// expire, IDs that change on a move unless the request asks for immutable ones, properties that are honoured at creation and silently ignored
// afterwards, MIME that comes back re-rendered, and a limit of four requests at a time for each mailbox. [Quirks] switches the habits that vary,
// [Server.Inject] breaks single requests.
//
// Objects stay JSON objects, not Go structs: what a client created must come back even where the fake gives it no meaning.
//
// What it leaves out: search, rules, groups, sharing, permissions by scope, archive mailboxes, the throttling of a whole tenant, attachments and their
// sessions in To Do, and all but a few Windows names of time zones.
//
// [Validator] checks requests against the published description of the service.
package graphserve
