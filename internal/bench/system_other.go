//go:build !unix

package main

import (
	"errors"
	"time"
)

// owner fails: what is measured needs Dovecot, which does not run here.
func owner(string) (uid, gid int, err error) { return 0, 0, errors.ErrUnsupported }

// diskBytes fails likewise.
func diskBytes(string) (int64, error) { return 0, errors.ErrUnsupported }

// ownTime does not know.
func ownTime() time.Duration { return 0 }
