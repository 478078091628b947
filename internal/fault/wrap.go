package fault

import (
	"context"
	"iter"
	"strconv"
)

// Wrapper is what the wrappers of endpoints and stores have in common.
type Wrapper struct {
	Process *Process
	Side    string
	// ErrorOf makes the error of an effect.
	ErrorOf func(Effect) error
}

// Do makes a call that yields no sequence.
func (w Wrapper) Do(ctx context.Context, c Call, call func() error) error {
	c.Side, c.At = w.Side, Start
	e, err := w.Process.Reach(ctx, c)
	if err != nil {
		return err
	}
	if c.Writes {
		defer w.Process.Leave()
	}
	if e.Early() {
		return w.Process.Fail(e, w.ErrorOf)
	}
	err = call()
	if e.Late() {
		return w.Process.Fail(e, w.ErrorOf)
	}
	return err
}

// Elements says how a sequence of a type is treated. The zero value does nothing of its own.
type Elements[T any] struct {
	// Name names an element in its Call.
	Name func(T) string
	// Alter returns an element with an effect of its own: Item or Truncate.
	Alter func(T, Effect) T
	// Drop releases an element that is not yielded.
	Drop func(T)
}

// Stream makes a call that only reads and yields a sequence.
func Stream[T any](ctx context.Context, w Wrapper, c Call, of Elements[T], call func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		c.Side = w.Side
		if err := w.point(ctx, c, Start); err != nil {
			yield(zero, err)
			return
		}
		n := 0
		for v, err := range call() {
			if err == nil {
				n++
				v, err = element(ctx, w, c, of, v, n)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := w.point(ctx, c, End); err != nil {
			yield(zero, err)
		}
	}
}

// point is a place of a call at which nothing but Before, Delay and CrashBefore can happen.
func (w Wrapper) point(ctx context.Context, c Call, at string) error {
	c.At = at
	e, err := w.Process.Reach(ctx, c)
	if err == nil && e.Early() {
		return w.Process.Fail(e, w.ErrorOf)
	}
	return err
}

func element[T any](ctx context.Context, w Wrapper, c Call, of Elements[T], v T, n int) (T, error) {
	c.At = strconv.Itoa(n)
	if of.Name != nil {
		c.Item = of.Name(v)
	}
	e, err := w.Process.Reach(ctx, c)
	if err == nil && e.Early() {
		err = w.Process.Fail(e, w.ErrorOf)
	}
	if err != nil {
		if of.Drop != nil {
			of.Drop(v)
		}
		var zero T
		return zero, err
	}
	if e.Do != None && of.Alter != nil {
		v = of.Alter(v, e)
	}
	return v, nil
}
