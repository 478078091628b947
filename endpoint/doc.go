// Package endpoint is the portable view of a mailbox: folders, items, bodies and marks.
//
// Programs hold a [Mailbox], which the package of a driver opens for them; authors of endpoints
// implement a [Driver]. What an endpoint can do is one value, [Capabilities]; how it fails is one
// type, [Error], with a [Code].
package endpoint
