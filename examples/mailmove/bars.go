package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/dandyroll/dandyroll/pass"
)

// nameWidth is how much of the name of a folder a bar shows, in characters.
const nameWidth = 28

// bars shows progress on a terminal: a bar for each folder at work and one for everything below,
// and above them a line for each folder that is done and had something to do.
type bars struct {
	screen  *mpb.Progress
	all     *folderBar // nil until the transfer begins, if there is anything to transfer
	whole   amount     // to be done
	planned map[string]amount
	folders map[string]*folderBar
}

// folderBar is the bar of one folder.
type folderBar struct {
	*mpb.Bar
	*meter
}

func newBars(w io.Writer, options ...mpb.ContainerOption) *bars {
	return &bars{
		screen:  mpb.New(append(options, mpb.WithOutput(w), mpb.WithWidth(24))...),
		planned: map[string]amount{},
		folders: map[string]*folderBar{},
	}
}

func (b *bars) bar(name string, whole amount, options ...mpb.BarOption) *folderBar {
	m := &meter{whole: whole}
	bar := b.screen.AddBar(whole.items, append(options,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(shorten(name), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return m.text(time.Now()) })),
	)...)
	return &folderBar{bar, m}
}

func (f *folderBar) advance(done amount) {
	f.add(done)
	f.IncrInt64(done.items)
}

// shorten cuts a name to the width of its column.
func shorten(name string) string {
	runes := []rune(safe(name))
	if len(runes) <= nameWidth {
		return string(runes)
	}
	return "…" + string(runes[len(runes)-nameWidth+1:])
}

func (b *bars) observe(e pass.Event) {
	switch e := e.(type) {
	case pass.FolderPlanned:
		b.planned[e.Folder] = amount{int64(e.Items), e.Bytes}
		b.whole.items += int64(e.Items)
		b.whole.bytes += e.Bytes
	case pass.WindowDone:
		b.advance(e)
	case pass.FolderDone:
		b.finish(e)
	case pass.PhaseStarted:
		b.print(eventText(e))
		if e.Phase == pass.Transferring && b.whole.items > 0 {
			// A priority that is greater than that of any folder keeps it at the bottom.
			b.all = b.bar("all folders", b.whole, mpb.BarPriority(1<<30))
			b.all.start(time.Now())
		}
	default:
		b.print(eventText(e))
	}
}

func (b *bars) advance(e pass.WindowDone) {
	done := amount{int64(e.Items), e.Bytes}
	f := b.folders[e.Folder]
	if f == nil {
		f = b.bar(e.Folder, b.planned[e.Folder])
		b.folders[e.Folder] = f
		defer func() { f.start(time.Now()) }() // when the folder began is not known
	}
	f.advance(done)
	if b.all != nil {
		b.all.advance(done)
	}
}

func (b *bars) finish(e pass.FolderDone) {
	if f := b.folders[e.Folder]; f != nil {
		f.Abort(true)
		delete(b.folders, e.Folder)
	}
	if e.Counts.Migrated+e.Counts.Failed+e.Counts.Vanished+e.Counts.Deferred > 0 {
		b.print(eventText(e))
	}
}

// print writes a line above the bars, if there is anything in it.
func (b *bars) print(line string) {
	if line == "" {
		return
	}
	_, _ = fmt.Fprintln(b.screen, line) // a terminal that is gone is no reason to stop
}

func (b *bars) close() {
	for _, f := range b.folders {
		f.Abort(true)
	}
	if b.all != nil {
		b.all.Abort(true)
	}
	b.screen.Wait()
}
