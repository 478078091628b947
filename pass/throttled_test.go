package pass_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// clinging is a destination that is throttled whenever a folder is to be deleted.
type clinging struct{ endpoint.Driver }

func (clinging) DeleteFolder(context.Context, endpoint.Folder) error {
	return endpoint.Errorf(endpoint.Throttled, "slow down")
}

// A pass can be stopped while the destination does not let the folder of the canary go.
func TestStoppedWhileTheCanaryCannotGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(1, inbox)
		p := w.open()
		p.Destination = endpoint.New(clinging{p.Destination.Driver()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		started := time.Now()
		_, err := w.engine().Run(ctx, p, pass.Options{})
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Errorf("have error %v", err)
		}
		if took := time.Since(started); took > time.Hour+time.Minute {
			t.Errorf("it went on until %v", took)
		}
	})
}
