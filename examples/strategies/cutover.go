package main

import (
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// cutover moves everybody at once. Most of the mail goes weeks before; a pass right before the switch
// brings the rest, and one after it what still came to the old mailboxes.
func cutover(c *company) {
	c.strategy("CUTOVER", "Everybody is switched over on one day.")
	everybody := c.hire([]int{400, 300, 200, 120, 60, 20}, "ann", "bob", "cyd")
	c.appointment(everybody...)

	c.day(-14, "pre-stage: old mail goes in the background, while people go on working")
	c.run(everybody, pass.Options{
		Kind: pass.PreStage,
		// A program leaves this out: it means 90 days before now. Here, now is a day of the past.
		PreStage: pass.PreStaging{Before: c.today.AddDate(0, 0, -90)},
	}, pass.Counts{Listed: 21, Migrated: 12, Filtered: 9, OutOfWindow: 6})

	c.day(-7, "new mail comes to the old mailboxes")
	c.mail("news", everybody...)

	c.day(-1, "before the switch: a full pass has the rest, young mail and appointments")
	c.plan(everybody, false)
	c.run(everybody, pass.Options{Kind: pass.Full}, pass.Counts{Listed: 24, Already: 12, Migrated: 12})
	c.mail("last minute", everybody[0])

	c.day(0, "two hours before the switch: one more delta, which is short")
	c.run(everybody, pass.Options{Kind: pass.Delta}, pass.Counts{Listed: 25, Already: 24, Migrated: 1})
	c.plan(everybody, true)
	c.note("the MX record is changed: mail comes to the new mailboxes")
	c.arrives(everybody[1])
	c.note("a sender who has not seen it yet writes to the old mailbox of cyd")
	c.mail("straggler", everybody[2])

	c.day(2, "after the switch: a delta brings what came late")
	c.run(everybody, pass.Options{Kind: pass.Delta}, pass.Counts{Listed: 26, Already: 25, Migrated: 1})
	c.plan(everybody, true)
	c.complete()
}

// arrives lets mail come to the new mailbox, which is none of ours.
func (c *company) arrives(p *person) {
	c.do(func() error {
		_, err := p.fresh.Deliver(inbox(), memendpoint.Message{Body: []byte("Subject: direct\r\n\r\nHello!\r\n")})
		return err
	})
}
