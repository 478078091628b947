package graphendpoint

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// textOfHTML is what a reader sees of an HTML text, without its looks.
func textOfHTML(source string) string {
	var out plainWriter
	z := html.NewTokenizer(strings.NewReader(source))
	hidden := false
	for {
		kind := z.Next()
		name, _ := z.TagName()
		switch kind {
		case html.ErrorToken: // the end
			return strings.TrimSpace(out.b.String())
		case html.TextToken:
			if !hidden {
				out.text(html.UnescapeString(string(z.Raw())))
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			hidden = kind == html.StartTagToken && isHidden(string(name))
			if isBlock(string(name)) {
				out.line(string(name) == "br")
			}
		case html.CommentToken, html.DoctypeToken:
		}
	}
}

// isHidden reports whether the text in an element is not shown. Such elements hold nothing but text.
func isHidden(tag string) bool { return tag == "script" || tag == "style" || tag == "title" }

// isBlock reports whether an element stands on lines of its own.
func isBlock(tag string) bool {
	switch tag {
	case "br", "p", "div", "tr", "li", "ul", "ol", "table", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote":
		return true
	}
	return false
}

// plainWriter collapses white space as HTML does.
type plainWriter struct {
	b     strings.Builder
	blank bool // white space is due before the next word
	begun bool // the line has text
}

func (w *plainWriter) text(s string) {
	for _, r := range s {
		if unicode.IsSpace(r) {
			w.blank = true
			continue
		}
		if w.blank && w.begun {
			w.b.WriteByte(' ')
		}
		w.blank, w.begun = false, true
		w.b.WriteRune(r)
	}
}

// line ends a line; an empty one only if it must.
func (w *plainWriter) line(empty bool) {
	if w.begun || empty {
		w.b.WriteByte('\n')
	}
	w.begun, w.blank = false, false
}
