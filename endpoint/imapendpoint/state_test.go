package imapendpoint

import "testing"

// TestStayed compares states. Nothing left exactly where as many messages are there more as UIDs were given.
func TestStayed(t *testing.T) {
	d := &driver{}
	for name, c := range map[string]struct {
		since, now string
		told       bool
	}{
		"nothing happened":            {"1 7 10 5 -", "1 7 10 5 -", true},
		"flags changed":               {"1 7 10 5 30", "1 7 10 5 31", true},
		"some came":                   {"1 7 10 5 -", "1 7 13 8 -", true},
		"one left":                    {"1 7 10 5 -", "1 7 10 4 -", false},
		"one came and one left":       {"1 7 10 5 -", "1 7 11 5 -", false},
		"a UID was left out":          {"1 7 10 5 -", "1 7 13 7 -", false},
		"more are there than came":    {"1 7 10 5 -", "1 7 11 8 -", false},
		"the server went back":        {"1 7 10 5 -", "1 7 8 3 -", false},
		"another validity":            {"1 7 10 5 -", "1 8 13 8 -", false},
		"a state of another version":  {"2 7 10 5 -", "2 7 13 8 -", false},
		"no state":                    {"", "1 7 13 8 -", false},
		"no number of messages":       {"1 7 10 x -", "1 7 13 8 -", false},
		"the number has 33 bits more": {"1 7 10 5 -", "1 7 13 8589934600 -", false},
	} {
		stayed := d.Stayed(c.since, c.now)
		if (stayed != nil) != c.told {
			t.Errorf("%s: told %v, want %v", name, stayed != nil, c.told)
		}
		if stayed == nil {
			continue
		}
		for ref, want := range map[string]bool{"1": true, "9": true, "10": false, "12": false, "": false, "x": false, "07": false, "+7": false} {
			if stayed(ref) != want {
				t.Errorf("%s: item %q stayed: %v, want %v", name, ref, !want, want)
			}
		}
	}
}
