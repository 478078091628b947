package graphendpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stateByDigest is the state of a folder whose items and versions are all known: their digest, and the time at which it was seen first, so
// that a folder which comes to be what it was once has another state than then.
func stateByDigest(since string, items []string) string {
	slices.Sort(items)
	sum := sha256.Sum256([]byte(strings.Join(items, "\n")))
	digest := hex.EncodeToString(sum[:16])
	if before, _, _ := strings.Cut(since, "."); before == digest {
		return since
	}
	return digest + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
}
