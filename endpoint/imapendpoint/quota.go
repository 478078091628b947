package imapendpoint

import (
	"context"
	"math"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// storageUnit is the unit of the resource STORAGE (RFC 9208 section 5.1).
const storageUnit = 1024

// Quota returns the room for messages in INBOX: of several quotas the one that leaves least.
func (d *driver) Quota(ctx context.Context) (endpoint.Quota, error) {
	var answer quotaAnswer
	err := d.with(ctx, anyFolder, func(s *session) error {
		if !s.has("QUOTA") {
			return endpoint.Errorf(endpoint.Unsupported, "the server does not tell quotas (RFC 9208)")
		}
		answer = quotaAnswer{quota: endpoint.Quota{Used: -1, Limit: -1}}
		if err := s.command(ctx, "GETQUOTAROOT "+inbox, answer.untagged); err != nil {
			return err
		}
		return answer.err
	})
	return answer.quota, err
}

type quotaAnswer struct {
	quota endpoint.Quota
	err   error
}

// untagged reads a QUOTA response: a root, and a list of triples of resource, usage and limit.
func (a *quotaAnswer) untagged(line []byte) {
	kind, rest := cutResponse(line)
	if kind != "QUOTA" {
		return
	}
	values, err := parseValues(rest)
	if err != nil || len(values) < 2 || !values[1].isList {
		a.err = errResponse()
		return
	}
	for triple := values[1].list; len(triple) >= 3; triple = triple[3:] {
		used, usedOK := triple[1].number()
		limit, limitOK := triple[2].number()
		if strings.EqualFold(triple[0].word, "STORAGE") && usedOK && limitOK {
			a.note(used, limit)
		}
	}
}

func (a *quotaAnswer) note(used, limit uint64) {
	const most = math.MaxInt64 / storageUnit
	q := endpoint.Quota{Used: int64(min(used, most)) * storageUnit, Limit: int64(min(limit, most)) * storageUnit}
	if a.quota.Limit < 0 || q.Limit-q.Used < a.quota.Limit-a.quota.Used {
		a.quota = q
	}
}
