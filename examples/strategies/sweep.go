package main

import (
	"fmt"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// sweep comes after the switch: what is late, what failed, and a look at all that was migrated,
// although the new mailbox has been in use for days.
func sweep(c *company) {
	c.strategy("POST-CUTOVER SWEEP", "A week after the switch, the old mailbox is swept for the last time.")
	ann := c.hire([]int{30, 20, 10, 5}, "ann")
	c.attachment(ann[0])
	ann[0].limit = 4096

	c.day(0, "the switch; the new mailbox refuses a letter that is too large")
	c.run(ann, pass.Options{}, pass.Counts{Listed: 5, Migrated: 4, Failed: 1})

	c.day(1, "ann tidies up the new mailbox: one letter is removed, another put into a folder")
	c.tidyUp(ann[0])

	c.day(6, "the limit of the new mailbox is raised; what failed is tried again, and nothing else")
	ann[0].limit = 0
	c.run(ann, pass.Options{Kind: pass.RetryFailed}, pass.Counts{Listed: 1, Migrated: 1})

	c.day(7, "the sweep: late mail comes, what ann removed does not, and what she moved is known")
	c.mail("late", ann[0])
	c.run(ann, pass.Options{Kind: pass.Delta}, pass.Counts{Listed: 6, Migrated: 1, Already: 4, RemovedAtDestination: 1})
	c.plan(ann, true)
	c.verify(ann)
	c.complete()
}

func (c *company) attachment(p *person) {
	c.do(func() error {
		body := "Subject: pictures\r\n\r\n" + strings.Repeat("A rather long line of a picture.\r\n", 200)
		_, err := p.old.Deliver(inbox(), memendpoint.Message{Body: []byte(body), Received: c.first})
		return err
	})
}

func (c *company) tidyUp(p *person) {
	c.do(func() error {
		if err := p.fresh.CreateFolder("Kept"); err != nil {
			return err
		}
		letters := p.fresh.Messages(inbox()...)
		if err := p.fresh.Delete(inbox(), letters[0].Ref); err != nil {
			return err
		}
		p.removed++
		_, err := p.fresh.Move(inbox(), letters[1].Ref, []string{"Kept"})
		return err
	})
}

// verify compares what is in the new mailbox with what was sent. It repairs nothing.
func (c *company) verify(people []*person) {
	c.do(func() error {
		outcomes, err := c.engine.RunAll(c.ctx, 0, jobs(people, pass.Options{Kind: pass.Verify}, false))
		if err != nil {
			return err
		}
		v := outcomes[0].Report.Verified
		c.note("verify: %d checked, %d present, %d moved, %d missing, %d altered, %d partial",
			v.Checked, v.Present, v.Moved, v.Missing, v.Altered, v.Partial)
		if v.Checked != 6 || v.Present != 4 || v.Moved != 1 || v.Missing != 1 {
			return fmt.Errorf("verified %+v", v)
		}
		return nil
	})
}
