// Package wait is how tests wait for what another program tells only when it is asked. What can be told, by a channel, a
// line of output or the end of a process, is waited for without it.
package wait

import (
	"context"
	"fmt"
	"time"
)

// longest is how long the answer may be out of date: times that are measured end with one.
const longest = 10 * time.Millisecond

// Until asks until the answer is no error any more. At the end of ctx it gives the last one.
func Until(ctx context.Context, ask func() error) error {
	pause := longest / 8
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}
