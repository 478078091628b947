package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// company is people who move to new mailboxes. Its methods do nothing after the first error.
type company struct {
	ctx    context.Context //nolint:containedctx // one for the whole program, so that strategies read as prose
	out    io.Writer
	err    error
	engine *pass.Engine
	people []*person
	first  time.Time // the day of the switch
	today  time.Time
}

// person has an old mailbox and a new one.
type person struct {
	name       string
	old, fresh *memendpoint.Server
	letters    int   // that were written to this person so far
	limit      int64 // the greatest item that the new mailbox takes, in bytes; 0 is any
	removed    int   // items that the person removed from the new mailbox
}

func newCompany(ctx context.Context, out io.Writer) *company {
	c := &company{ctx: ctx, out: out, first: time.Date(2024, time.March, 1, 8, 0, 0, 0, time.UTC)}
	c.today = c.first
	c.engine, c.err = pass.New(pass.Config{Store: memstore.New(), Key: watermark.NewKey()})
	return c
}

// hire gives people mailboxes, the old ones with mail that came so many days before the switch.
func (c *company) hire(ages []int, names ...string) []*person {
	var hired []*person
	for _, name := range names {
		p := &person{name: name, old: memendpoint.NewServer(), fresh: memendpoint.NewServer()}
		hired = append(hired, p)
		for _, age := range ages {
			c.deliver(p, c.first.AddDate(0, 0, -age), "letter")
		}
	}
	c.people = append(c.people, hired...)
	return hired
}

// mail lets a letter come to the old mailbox of each of some people, today.
func (c *company) mail(text string, people ...*person) {
	for _, p := range people {
		c.deliver(p, c.today, text)
	}
}

func (c *company) deliver(p *person, at time.Time, text string) {
	c.do(func() error {
		p.letters++
		body := fmt.Sprintf("To: %s\r\nSubject: %s %d\r\n\r\nHello!\r\n", p.name, text, p.letters)
		_, err := p.old.Deliver(inbox(), memendpoint.Message{Body: []byte(body), Received: at})
		return err
	})
}

// appointment puts a meeting into the old mailbox of each of some people.
func (c *company) appointment(people ...*person) {
	for _, p := range people {
		c.do(func() error {
			_, err := p.old.Deliver(inbox(), memendpoint.Message{
				Kind: endpoint.Event, Received: c.first.AddDate(-1, 0, 0),
				Body: []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Weekly\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"),
			})
			return err
		})
	}
}

// pair opens the mailboxes of a person.
func (p *person) pair() (source, destination *endpoint.Mailbox) {
	return p.old.Open(&memendpoint.Options{ReadOnly: true}),
		p.fresh.Open(&memendpoint.Options{Quirks: memendpoint.Quirks{MaxItem: p.limit}})
}

// jobs are one pass for each of some people.
func jobs(people []*person, o pass.Options, dry bool) []pass.Job {
	var list []pass.Job
	for _, p := range people {
		list = append(list, pass.Job{
			ID: p.name, Options: o, DryRun: dry,
			Open: func(context.Context) (source, destination *endpoint.Mailbox, err error) {
				source, destination = p.pair()
				return source, destination, nil
			},
		})
	}
	return list
}

func inbox() []string { return []string{"INBOX"} }
