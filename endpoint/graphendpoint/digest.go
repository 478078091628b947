package graphendpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// digest is the beginning of the SHA-256 of a text: so many bytes of it, as hexadecimal digits.
func digest(text string, bytes int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:bytes])
}

// stateByDigest is the state of a folder of which all items are listed: the digest of their IDs and versions, and the time at which it was
// seen first, so that a folder which comes to be what it was once has another state than then.
func stateByDigest[T any](since string, items iter.Seq2[T, error], version func(T) string) (string, error) {
	var versions []string
	for it, err := range items {
		if err != nil {
			return "", err
		}
		versions = append(versions, version(it))
	}
	slices.Sort(versions)
	now := digest(strings.Join(versions, "\n"), 16)
	if before, _, _ := strings.Cut(since, "."); before == now {
		return since, nil
	}
	return now + "." + strconv.FormatInt(time.Now().UnixNano(), 36), nil
}
