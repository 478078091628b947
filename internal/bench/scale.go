package main

// scale is how much is measured. At 1, it is what the table is about.
type scale struct {
	factor float64
	runs   int // of each contender in each case
	extra  int // more of them where a run is short
	most   int // folders in any mailbox
}

// fullScale is that of the table, quickScale one for a look, and tinyScale one for a test that all works.

func fullScale() scale  { return scale{factor: 1, runs: 3, extra: 2, most: 50} }
func quickScale() scale { return scale{factor: 0.05, runs: 1, extra: 2, most: 50} }
func tinyScale() scale  { return scale{factor: 0.002, runs: 1, most: 3} }

// of scales a number of items, which stay enough to be measured at all.
func (s scale) of(n int) int { return max(int(float64(n)*s.factor), 20) }

// bytes scales a number of bytes.
func (s scale) bytes(n int64) int64 { return max(int64(float64(n)*s.factor), 200_000) }

// folders bounds a number of folders.
func (s scale) folders(n int) int { return min(n, s.most) }
