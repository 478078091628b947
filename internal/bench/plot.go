package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The measures of the plot, in pixels.
const (
	plotWidth, plotHeight                    = 640, 360
	plotLeft, plotRight, plotTop, plotBottom = 76, 96, 44, 60
	plotInnerWidth                           = plotWidth - plotLeft - plotRight
	plotInnerHeight                          = plotHeight - plotTop - plotBottom
	plotStyle                                = `<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.axis { stroke: #57606a; stroke-width: 1 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.ours { stroke: #0969da; fill: #0969da } .theirs { stroke: #bc4c00; fill: #bc4c00 }
polyline { stroke-width: 2.5; fill: none !important }
text.ours, text.theirs { stroke: none; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.axis { stroke: #9198a1 }
.grid { stroke: #3d444d }
.ours { stroke: #58a6ff; fill: #58a6ff } .theirs { stroke: #f0883e; fill: #f0883e }
}
</style>
`
)

// drawDelta draws what a pass that finds nothing new costs in mailboxes of several sizes, as SVG. Both axes
// are linear and begin at zero, so that a line that rises shows a cost that grows with the mailbox.
func drawDelta(points []point) string {
	points = slices.SortedFunc(slices.Values(points), func(a, b point) int { return a.messages - b.messages })
	top := time.Duration(0)
	for _, p := range points {
		top = max(top, p.ours.median(), p.theirs.median())
	}
	right := points[len(points)-1].messages
	step := niceStep(float64(top.Milliseconds()) / 4)
	a := axes{right: float64(right), top: math.Max(math.Ceil(float64(top.Milliseconds())/step), 1) * step}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" `+
		`aria-label="Time of a pass that finds nothing new against the size of the mailbox, for mailmove and mbsync">`+"\n",
		plotWidth, plotHeight, plotWidth, plotHeight)
	b.WriteString(plotStyle)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="24">A pass that finds nothing new, 50 folders</text>`+"\n", plotLeft)
	a.drawScales(&b, points, step)
	ours, theirs := func(p point) times { return p.ours }, func(p point) times { return p.theirs }
	a.drawLine(&b, "ours", points, ours)
	a.drawLine(&b, "theirs", points, theirs)
	a.drawNames(&b, points[len(points)-1])
	b.WriteString("</svg>\n")
	return b.String()
}

// axes say which values lie at the right and at the top edge.
type axes struct{ right, top float64 }

func (a axes) x(messages int) float64 { return plotLeft + float64(messages)/a.right*plotInnerWidth }

func (a axes) y(milliseconds float64) float64 {
	return plotTop + plotInnerHeight - milliseconds/a.top*plotInnerHeight
}

// drawScales draws both axes with their units.
func (a axes) drawScales(b *strings.Builder, points []point, step float64) {
	for ms := 0.0; ms <= a.top+step/2; ms += step {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`+"\n", plotLeft, plotWidth-plotRight, a.y(ms), a.y(ms))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", plotLeft-8, a.y(ms)+4, ms)
	}
	bottom := plotHeight - plotBottom
	for _, p := range points {
		fmt.Fprintf(b, `<line class="axis" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", a.x(p.messages), a.x(p.messages), bottom, bottom+5)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", a.x(p.messages), bottom+20, count(p.messages))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`+"\n", plotLeft, plotWidth-plotRight, bottom, bottom)
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`+"\n", plotLeft, plotLeft, plotTop, bottom)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">messages in the mailbox</text>`+"\n", plotLeft+plotInnerWidth/2, plotHeight-14)
	fmt.Fprintf(b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">time of a pass in ms, median</text>`+"\n", plotTop+plotInnerHeight/2)
}

// drawLine draws what one contender took.
func (a axes) drawLine(b *strings.Builder, class string, points []point, of func(point) times) {
	var line []string
	for _, p := range points {
		x, y := a.x(p.messages), a.y(milliseconds(of(p).median()))
		line = append(line, fmt.Sprintf("%.1f,%.1f", x, y))
		fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"/>`+"\n", class, x, y)
	}
	fmt.Fprintf(b, `<polyline class="%s" points="%s"/>`+"\n", class, strings.Join(line, " "))
}

// drawNames writes the names of the contenders beside the ends of their lines, and apart.
func (a axes) drawNames(b *strings.Builder, last point) {
	x, ours, theirs := a.x(last.messages)+10, a.y(milliseconds(last.ours.median()))+4, a.y(milliseconds(last.theirs.median()))+4
	if missing := 16 - math.Abs(ours-theirs); missing > 0 {
		apart := math.Copysign(missing/2, ours-theirs)
		ours, theirs = ours+apart, theirs-apart
	}
	fmt.Fprintf(b, `<text class="ours" x="%.1f" y="%.1f">mailmove</text>`+"\n", x, ours)
	fmt.Fprintf(b, `<text class="theirs" x="%.1f" y="%.1f">mbsync</text>`+"\n", x, theirs)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// niceStep returns the smallest of 1, 2 and 5 times a power of ten that is no less than v.
func niceStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= v {
			return factor * power
		}
	}
	return 10 * power
}
