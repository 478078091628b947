package store_test

import (
	"reflect"
	"testing"

	"github.com/dandyroll/dandyroll/store"
)

func TestBatchLen(t *testing.T) {
	if n := new(store.Batch).Len(); n != 0 {
		t.Errorf("an empty batch has %d entries", n)
	}
	// Each field counts, also one that is added to Batch later.
	batch := reflect.TypeFor[store.Batch]()
	for i := range batch.NumField() {
		var b store.Batch
		field, want := reflect.ValueOf(&b).Elem().Field(i), 1
		switch field.Kind() {
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		case reflect.Slice:
			want = 3
			field.Set(reflect.MakeSlice(field.Type(), want, want))
		default:
			t.Fatalf("field %s is a %s", batch.Field(i).Name, field.Kind())
		}
		if n := b.Len(); n != want {
			t.Errorf("a batch with %d of %s has %d entries", want, batch.Field(i).Name, n)
		}
	}
}

func TestStatusString(t *testing.T) {
	for status, want := range map[store.Status]string{
		store.Intent: "intent", store.Settled: "settled", store.Failed: "failed", store.Originated: "originated",
		store.Removed: "removed", store.Adopted: "adopted", 0: "unknown", 9: "unknown",
	} {
		if have := status.String(); have != want {
			t.Errorf("status %d is %q, want %q", status, have, want)
		}
	}
}
