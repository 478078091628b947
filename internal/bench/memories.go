package main

import (
	"fmt"
	"slices"
)

// memories are peaks of memory in bytes.
type memories []int64

func (m memories) median() int64 {
	sorted := slices.Sorted(slices.Values(m))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// String says median and extremes in MiB.
func (m memories) String() string {
	return fmt.Sprintf("%.1f MiB (%.1f–%.1f)", mebibytes(m.median()), mebibytes(slices.Min(m)), mebibytes(slices.Max(m)))
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
