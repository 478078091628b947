package graphendpoint

import "github.com/dandyroll/dandyroll/endpoint"

// readLosses are what is not preserved when items leave the service in a format. The tables in the documentation of the package say
// it at length. Events and tasks share a format, so a phrase names what it is about.
func readLosses() map[endpoint.Format][]string {
	return map[endpoint.Format][]string{
		endpoint.RFC822:    {"the bytes as they were received: Exchange makes each message anew, so signatures may break"},
		endpoint.ICalendar: {"times of responses to meetings, and proposed times", "attachments of tasks"},
		endpoint.VCard:     {"names beside e-mail addresses", "distribution lists"},
	}
}

// writeLosses are what is not preserved when items are written in a format.
func writeLosses() map[endpoint.Format][]string {
	return map[endpoint.Format][]string{
		FastTransfer: {"the mark of an earlier migration, in whose place the new one stands"},
		endpoint.RFC822: {
			"the structure of the message: Exchange builds it anew from text, recipients and attachments, so signatures break",
			"alternative texts beside the HTML one",
		},
		endpoint.ICalendar: {
			"attendees of events as such: they stand in the text, so that nobody is invited again",
			"rules of recurrence that Graph does not know: they stand in the text of events",
			"overrides of single occurrences of tasks",
			"times of day in tasks, which To Do does not show",
			"what has no place in Graph and is longer than 15,000 characters in all",
		},
		endpoint.VCard: {"what has no place in Outlook and is longer than 15,000 characters in all"},
	}
}
