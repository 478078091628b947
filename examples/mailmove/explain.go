package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dandyroll/dandyroll/pass"
)

// explain says what became of one item, and why.
func (p program) explain(ctx context.Context, s settings) int {
	answers, err := p.runExplain(ctx, s)
	if err != nil {
		p.printError(err)
		return errorStatus(err)
	}
	p.printAnswers(s, answers)
	if len(answers) == 0 {
		return failures
	}
	return complete
}

func (p program) runExplain(ctx context.Context, s settings) ([]pass.Explanation, error) {
	m, err := p.open(ctx, s, nil)
	var answers []pass.Explanation
	if err == nil {
		answers, err = m.engine.Explain(ctx, m.pair, s.question)
	}
	return answers, errors.Join(err, m.close())
}

// explainDocument is the JSON form of an answer. It does not repeat the question, which may be a
// Message-ID.
type explainDocument struct {
	Pair  string             `json:"pair"`
	Items []pass.Explanation `json:"items"`
}

func (p program) printAnswers(s settings, answers []pass.Explanation) {
	if s.json {
		p.printJSON(explainDocument{s.pair, append([]pass.Explanation{}, answers...)})
		return
	}
	if len(answers) == 0 {
		p.stdout.printf("neither the servers nor the database know such an item\n")
	}
	for _, a := range answers {
		p.stdout.printf("%s\n", explanationText(a))
	}
}

// explanationText is a block of lines: where the item comes from, where it is, and the reason.
func explanationText(a pass.Explanation) string {
	var lines []string
	if len(a.Folder) > 0 {
		lines = append(lines, "source: "+placeText(pass.Place{Folder: a.Folder, Ref: a.Ref}))
	}
	for _, at := range a.Destination {
		lines = append(lines, "destination: "+placeText(at))
	}
	return strings.Join(append(lines, fmt.Sprintf("  %s: %s", safe(a.Status), safe(a.Reason))), "\n")
}

func placeText(at pass.Place) string {
	return fmt.Sprintf("%s, item %s", safe(strings.Join(at.Folder, "/")), safe(at.Ref))
}
