package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// progress shows what a pass does while it does it.
type progress interface {
	observe(pass.Event)
	close()
}

// newProgress returns bars for a terminal, and lines for anything else.
func newProgress(o *printer) progress {
	if f, ok := o.Writer.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return newBars(f)
	}
	return lines{o}
}

// lines shows progress as a line for each phase and each folder that is done.
type lines struct{ *printer }

func (l lines) observe(e pass.Event) {
	if text := eventText(e); text != "" {
		l.printf("%s\n", text)
	}
}

func (l lines) close() {}

// eventText says in one line what happened, or nothing if it is not worth one.
func eventText(e pass.Event) string {
	switch e := e.(type) {
	case pass.PhaseStarted:
		return e.Phase.String()
	case pass.Voiding:
		return fmt.Sprintf("the types of the endpoints changed: %d items are migrated again", e.Marks)
	case pass.FolderDone:
		return fmt.Sprintf("%s: %s", safe(e.Folder), countsText(e.Counts))
	case pass.Waiting:
		return waitingText(e)
	case pass.WindowFixed:
		text, _, _ := strings.Cut(e.Window.String(), ";") // nothing was counted yet
		return text
	case pass.Scheduled:
		return "waiting until " + e.At.Local().Format(time.DateTime)
	}
	return ""
}

func waitingText(e pass.Waiting) string {
	if e.Code == endpoint.InDoubt {
		return fmt.Sprintf("waiting %v: what an interrupted pass sent may still arrive", e.For.Round(time.Second/10))
	}
	side := "destination"
	if e.Side == store.Source {
		side = "source"
	}
	return fmt.Sprintf("waiting %v for the %s: %s", e.For.Round(time.Second/10), side, e.Code)
}
