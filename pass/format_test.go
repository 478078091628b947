package pass_test

import (
	"context"
	"iter"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

const native endpoint.Format = "application/native"

// reader offers mail in a format of its own, too.
type reader struct{ endpoint.Driver }

func (d reader) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	caps, err := d.Driver.Capabilities(ctx)
	caps.Read[endpoint.Mail] = []endpoint.Format{native, endpoint.RFC822}
	return caps, err
}

func (d reader) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	wanted := o.Formats[endpoint.Mail][0]
	o.Formats = nil
	return func(yield func(endpoint.Body, error) bool) {
		for b, err := range d.Driver.Read(ctx, f, refs, o) {
			if b.Content != nil {
				b.Content = formatted{b.Content, wanted}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// writer takes mail in that format up to a size.
type writer struct {
	endpoint.Driver
	most int64
}

func (d writer) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	caps, err := d.Driver.Capabilities(ctx)
	caps.Write[endpoint.Mail] = []endpoint.Format{native, endpoint.RFC822}
	return caps, err
}

func (d writer) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	var taken []endpoint.Put
	var refused []endpoint.PutResult
	for _, it := range items {
		if it.Content.Format() == native && it.Content.Size() > d.most {
			refused = append(refused, endpoint.PutResult{Mark: it.Mark, Err: endpoint.Errorf(endpoint.TooLarge, "as it is")})
			continue
		}
		it.Content = formatted{it.Content, endpoint.RFC822}
		taken = append(taken, it)
	}
	return func(yield func(endpoint.PutResult, error) bool) {
		for _, r := range refused {
			if !yield(r, nil) {
				return
			}
		}
		d.Driver.Put(ctx, f, taken)(yield)
	}
}

// formatted is a content under another format.
type formatted struct {
	endpoint.Content
	format endpoint.Format
}

func (c formatted) Format() endpoint.Format { return c.format }

// An item that is too much in the format that two like endpoints share goes in the next one; without another, it fails.
func TestRefusedFormat(t *testing.T) {
	w := newWorld(t)
	w.deliver(4, inbox)
	p := w.open()
	p.Source, p.Destination = endpoint.New(reader{p.Source.Driver()}), endpoint.New(writer{p.Destination.Driver(), 0})
	r, err := w.engine().Run(t.Context(), p, pass.Options{Window: 3})
	w.must(err)
	want(t, r, pass.Counts{Listed: 4, Migrated: 4})

	w = newWorld(t)
	w.deliver(4, inbox)
	p = w.open()
	p.Source = endpoint.New(lossy{reader{p.Source.Driver()}, func(c *endpoint.Capabilities) {
		c.Read[endpoint.Mail] = []endpoint.Format{native}
	}})
	p.Destination = endpoint.New(writer{p.Destination.Driver(), 0})
	r, err = w.engine().Run(t.Context(), p, pass.Options{Window: 3})
	w.must(err)
	want(t, r, pass.Counts{Listed: 4, Failed: 4})
}
