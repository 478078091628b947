package graphendpoint

import "github.com/dandyroll/dandyroll/endpoint"

// readLosses are what is not preserved when items leave the service in a format. The tables in the documentation of the package say
// it at length.
func readLosses() map[endpoint.Format][]string {
	return map[endpoint.Format][]string{
		endpoint.RFC822: {"the bytes as they were received: Exchange renders each message anew, so signatures may break"},
	}
}

// writeLosses are what is not preserved when items are written in a format. Of what the import and export of mailboxes carries, nothing
// is lost.
func writeLosses() map[endpoint.Format][]string {
	return map[endpoint.Format][]string{
		endpoint.RFC822: {
			"the structure of the message: Exchange builds it anew from text, recipients and attachments, so signatures break",
			"alternative texts beside the HTML one",
		},
		endpoint.ICalendar: {
			"attendees as such: they stand in the text, so that nobody is invited again",
		},
		endpoint.VCard: {},
	}
}
