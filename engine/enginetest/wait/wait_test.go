package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		not := errors.New("not yet")
		began := time.Now()
		so := func() error {
			if time.Since(began) < time.Second {
				return not
			}
			return nil
		}
		if err := Until(t.Context(), so); err != nil || time.Since(began) > time.Second+longest {
			t.Errorf("it was so after a second: %v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		err := Until(ctx, func() error { return not })
		if !errors.Is(err, not) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("it is never so: %v after %s", err, time.Since(began))
		}
		asked := 0
		if err := Until(ctx, func() error { asked++; return nil }); err != nil || asked != 1 {
			t.Errorf("it is so: %v, asked %d times", err, asked)
		}
	})
}
