package fault

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String returns the text form of the plan, which Parse reads back:
//
//	after in-doubt on side=dst method=put at=2; crash-before on call=17
//
// A rule is an effect, with what it needs, and conditions, of which side, method, folder, at, item,
// call, nth, seed and rate are known. Values with other than plain characters are quoted as in Go.
func (p Plan) String() string {
	rules := make([]string, len(p))
	for i, r := range p {
		rules[i] = r.String()
	}
	return strings.Join(rules, "; ")
}

// String returns the text form of the rule.
func (r Rule) String() string {
	words := []string{r.Effect.String()}
	if conditions := r.conditions(); len(conditions) > 0 {
		words = append(append(words, "on"), conditions...)
	}
	return strings.Join(words, " ")
}

// String returns the text form of the effect.
func (e Effect) String() string {
	words := []string{e.Do.String()}
	if e.Code != "" {
		words = append(words, quote(e.Code))
	}
	if e.Wait != 0 {
		words = append(words, e.Wait.String())
	}
	if e.Do == Truncate {
		words = append(words, strconv.FormatInt(e.Bytes, 10))
	}
	return strings.Join(words, " ")
}

func (r Rule) conditions() []string {
	var list []string
	add := func(key, value string) {
		if value != "" && value != "0" {
			list = append(list, key+"="+quote(value))
		}
	}
	add("side", r.Side)
	add("method", r.Method)
	add("folder", r.Folder)
	add("at", r.At)
	add("item", r.Item)
	add("call", strconv.Itoa(r.N))
	add("nth", strconv.Itoa(r.Nth))
	add("seed", strconv.FormatUint(r.Seed, 10))
	add("rate", strconv.FormatFloat(r.Rate, 'g', -1, 64))
	return list
}

// quote leaves a word of plain characters as it is.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./-_+:", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return strconv.Quote(s)
}

// Parse reads the text form of a plan: rules that semicolons or line ends separate.
func Parse(text string) (Plan, error) {
	words, err := split(text)
	if err != nil {
		return nil, fmt.Errorf("fault plan: %w", err)
	}
	var p Plan
	for _, rule := range words {
		r, err := parseRule(rule)
		if err != nil {
			return nil, fmt.Errorf("fault plan: rule %d: %w", len(p)+1, err)
		}
		p = append(p, r)
	}
	return p, nil
}

// word is a word of the text, or a condition with its value unquoted.
type word struct{ key, value string }

// split cuts a text into rules, and these into words.
func split(text string) ([][]word, error) {
	var rules [][]word
	var rule []word
	end := func() {
		if len(rule) > 0 {
			rules = append(rules, rule)
		}
		rule = nil
	}
	for text != "" {
		switch text[0] {
		case ' ', '\t':
			text = text[1:]
		case ';', '\n':
			end()
			text = text[1:]
		default:
			w, rest, err := next(text)
			if err != nil {
				return nil, err
			}
			rule, text = append(rule, w), rest
		}
	}
	end()
	return rules, nil
}

// next takes a word off the front of a text.
func next(text string) (w word, rest string, err error) {
	n := strings.IndexAny(text, "\"; \t\n")
	if n < 0 {
		n = len(text)
	}
	value, rest := text[:n], text[n:]
	if key, unquoted, ok := strings.Cut(value, "="); ok {
		w.key, value = key, unquoted
	}
	if !strings.HasPrefix(rest, `"`) {
		w.value = value
		return w, rest, nil
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil || value != "" {
		return w, "", fmt.Errorf("a quotation mark at %.20q: quote whole values, as in Go", rest)
	}
	w.value, err = strconv.Unquote(quoted)
	return w, rest[len(quoted):], err
}

func parseRule(words []word) (Rule, error) {
	var r Rule
	before := len(words)
	for i, w := range words {
		if w.key == "" && w.value == "on" {
			before = i
			break
		}
	}
	err := r.Effect.parse(words[:before])
	for _, w := range words[min(before+1, len(words)):] {
		if err == nil {
			err = r.condition(w)
		}
	}
	return r, err
}

// parse reads an action and what it needs.
func (e *Effect) parse(words []word) error {
	if len(words) == 0 {
		return fmt.Errorf("no effect before %q", "on")
	}
	for a := None + 1; a < numActions; a++ {
		if a.String() == words[0].value {
			e.Do = a
		}
	}
	if e.Do == None {
		return fmt.Errorf("no effect is called %q", words[0].value)
	}
	for _, w := range words[1:] {
		wait, err := time.ParseDuration(w.value)
		switch {
		case w.key != "":
			return fmt.Errorf("condition %s before %q", w.key, "on")
		case e.Do == Truncate:
			e.Bytes, err = strconv.ParseInt(w.value, 10, 64)
		case err == nil:
			e.Wait = wait
		default:
			e.Code, err = w.value, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) condition(w word) (err error) {
	switch w.key {
	case "side":
		r.Side = w.value
	case "method":
		r.Method = w.value
	case "folder":
		r.Folder = w.value
	case "at":
		r.At = w.value
	case "item":
		r.Item = w.value
	case "call":
		r.N, err = strconv.Atoi(w.value)
	case "nth":
		r.Nth, err = strconv.Atoi(w.value)
	case "seed":
		r.Seed, err = strconv.ParseUint(w.value, 10, 64)
	case "rate":
		r.Rate, err = strconv.ParseFloat(w.value, 64)
	default:
		err = fmt.Errorf("no condition is called %q", w.key)
	}
	return err
}
