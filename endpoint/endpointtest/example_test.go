package endpointtest_test

import (
	"fmt"

	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
)

// The bodies that a server may change as it stores them, although it is right in every other way.
func ExampleBody_Canonical() {
	for _, body := range endpointtest.HostileBodies() {
		if !body.Canonical() {
			fmt.Println(body.Name)
		}
	}
	// Output:
	// NUL
	// bare LF
	// bare CR
	// mixed line ends
	// ends with CR
}
