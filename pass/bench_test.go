package pass_test

import (
	"fmt"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// BenchmarkPlan plans a pass over a folder of 10,000 items that were migrated before: from positions, as a
// delta does, and looking at all of them on both sides.
func BenchmarkPlan(b *testing.B) {
	const items = 10_000
	engine, pair := migratedPair(b, items)
	for name, options := range map[string]pass.Options{"unchanged": {}, "whole": {FullScan: true}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				report, err := engine.Plan(b.Context(), pair, options)
				if err != nil || report.Totals.Already != items {
					b.Fatalf("%v, %v", report, err)
				}
			}
			b.ReportMetric(float64(items)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// migratedPair returns a pair whose source has that many items, all of them migrated.
func migratedPair(b *testing.B, items int) (*pass.Engine, pass.Pair) {
	b.Helper()
	source, destination := memendpoint.NewServer(), memendpoint.NewServer()
	for i := range items {
		text := fmt.Appendf(nil, "Message-ID: <%d@old.example>\r\nSubject: %d\r\n\r\nbody\r\n", i, i)
		if _, err := source.Deliver([]string{"INBOX"}, memendpoint.Message{Body: text}); err != nil {
			b.Fatal(err)
		}
	}
	pair := pass.Pair{ID: "bench", Source: source.Open(nil), Destination: destination.Open(nil)}
	b.Cleanup(func() { _ = pair.Source.Close(); _ = pair.Destination.Close() })
	engine, err := pass.New(pass.Config{Store: memstore.New(), Key: watermark.NewKey()})
	if err != nil {
		b.Fatal(err)
	}
	report, err := engine.Run(b.Context(), pair, pass.Options{})
	if err != nil || report.Totals.Migrated != items {
		b.Fatalf("%v, %v", report, err)
	}
	return engine, pair
}
