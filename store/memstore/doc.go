// Package memstore keeps ledgers in memory.
//
// It keeps every clause of package store but persistence (S2 and S10), for tests, for trials, and
// for destinations whose marks alone are enough. What [Store.Clone] returns is what a crash at
// that moment would have left.
package memstore
