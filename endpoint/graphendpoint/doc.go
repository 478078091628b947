// Package graphendpoint is a mailbox of Microsoft 365, over Microsoft Graph v1.0: mail, calendars, contacts and tasks, as
// source and as destination.
//
// # Folders
//
// Mail folders have the paths that Outlook shows. Everything else is below a folder that does not exist, so that it
// cannot be confused with mail: calendars below [Calendars], contact folders below [Contacts], task lists below [Tasks].
//
// # Marks
//
// The mark of a message, event or contact is a named property, PS_INTERNET_HEADERS X-Dandyroll, that is set in the
// call which creates the item. Exchange shows it as a header of the message, through Graph and IMAP alike. The mark of a
// task is an open extension.
//
// # Limits
//
// A mailbox is asked four things at a time, 10,000 in ten minutes, and sent 150 MB in five minutes, which is what the
// service allows to one program. Above that, calls fail with Throttled and say for how long, before the service does.
package graphendpoint
