package graphserve

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// condition is one part of a $filter.
type condition func(*node) bool

// filter keeps the nodes that meet $filter: a conjunction of comparisons and of conditions on one extended property.
func (c *call) filter(nodes []*node, q url.Values) ([]*node, error) {
	filter := q.Get("$filter")
	if filter == "" {
		return nodes, nil
	}
	var conditions []condition
	for _, part := range splitTop(filter, " and ") {
		test, err := parseCondition(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, test)
	}
	if by := q.Get("$orderby"); by != "" && !strings.HasPrefix(filter, strings.Fields(by)[0]) {
		return nil, badRequest("InefficientFilter", "The restriction or sort order is too complex for this operation.")
	}
	var kept []*node
	for _, n := range nodes {
		if meets(n, conditions) {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

func meets(n *node, conditions []condition) bool {
	for _, test := range conditions {
		if !test(n) {
			return false
		}
	}
	return true
}

func parseCondition(s string) (condition, error) {
	lower := strings.ToLower(s)
	switch {
	case strings.HasPrefix(lower, "singlevalueextendedproperties/any("):
		return parseProperty(s)
	case strings.HasPrefix(lower, "internetmessageheaders"):
		return nil, badRequest("ErrorInvalidUrlQueryFilter", "The property 'internetMessageHeaders' does not support filtering.")
	case strings.HasPrefix(s, "proxyAddresses/any("):
		return parseAlias(s)
	}
	return parseComparison(s)
}

// parseProperty reads singleValueExtendedProperties/Any(ep: ep/id eq '…' and <test of ep/value>).
func parseProperty(s string) (condition, error) {
	_, inner, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
	variable, inner, found := strings.Cut(inner, ":")
	parts := splitTop(strings.TrimSpace(inner), " and ")
	if !found || len(parts) != 2 {
		return nil, invalidFilter()
	}
	variable = strings.TrimSpace(variable)
	literal, found := strings.CutPrefix(strings.TrimSpace(parts[0]), variable+"/id eq ")
	raw, isString := unquote(literal)
	if !found || !isString {
		return nil, invalidFilter()
	}
	id, err := propertyID(raw)
	if err != nil {
		return nil, err
	}
	test, err := parseValueTest(strings.TrimSpace(parts[1]), variable+"/value")
	if err != nil {
		return nil, err
	}
	return func(n *node) bool {
		value, found := n.property(id)
		return test(value, found)
	}, nil
}

// parseValueTest reads a test of a property's value. The service compares values without regard to case.
func parseValueTest(s, operand string) (func(value string, found bool) bool, error) {
	if s == operand+" ne null" {
		return func(_ string, found bool) bool { return found }, nil
	}
	if literal, isEqual := strings.CutPrefix(s, operand+" eq "); isEqual {
		want, isString := unquote(literal)
		if !isString {
			return nil, invalidFilter()
		}
		return func(value string, found bool) bool { return found && strings.EqualFold(value, want) }, nil
	}
	name, arguments, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
	first, second, _ := strings.Cut(arguments, ",")
	want, isString := unquote(second)
	if strings.TrimSpace(first) != operand || !isString {
		return nil, invalidFilter()
	}
	want = strings.ToLower(want)
	switch name {
	case "startswith":
		return func(value string, found bool) bool { return found && strings.HasPrefix(strings.ToLower(value), want) }, nil
	case "contains":
		return func(value string, found bool) bool { return found && strings.Contains(strings.ToLower(value), want) }, nil
	}
	return nil, invalidFilter()
}

// parseAlias reads proxyAddresses/any(p:p eq 'smtp:…').
func parseAlias(s string) (condition, error) {
	_, literal, found := strings.Cut(strings.TrimSuffix(s, ")"), " eq ")
	want, isString := unquote(literal)
	if !found || !isString {
		return nil, invalidFilter()
	}
	return func(n *node) bool {
		list, _ := n.fields["proxyAddresses"].([]any) // users without aliases do not match
		for _, alias := range list {
			if strings.EqualFold(fmt.Sprint(alias), want) {
				return true
			}
		}
		return false
	}, nil
}

// parseComparison reads "field operator literal".
func parseComparison(s string) (condition, error) {
	comparison := regexp.MustCompile(`^(\w+) (eq|ne|ge|gt|le|lt) (.+)$`).FindStringSubmatch(s)
	if comparison == nil {
		return nil, invalidFilter()
	}
	field, operator, literal := comparison[1], comparison[2], comparison[3]
	want, isString := unquote(literal)
	if !isString {
		want = literal
	}
	return func(n *node) bool {
		value := n.fields[field]
		if value == nil {
			value = ""
		}
		return holds(compare(fmt.Sprint(value), want), operator)
	}, nil
}

// compare orders two values: as times where both are, else as text.
func compare(value, want string) int {
	a, errA := time.Parse(time.RFC3339Nano, value)
	b, errB := time.Parse(time.RFC3339Nano, want)
	if errA == nil && errB == nil {
		return a.Compare(b)
	}
	return strings.Compare(strings.ToLower(value), strings.ToLower(want))
}

func holds(order int, operator string) bool {
	switch operator {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "ge":
		return order >= 0
	case "gt":
		return order > 0
	case "le":
		return order <= 0
	default: // lt, the pattern admits no other
		return order < 0
	}
}

func invalidFilter() error {
	return badRequest("ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
}
