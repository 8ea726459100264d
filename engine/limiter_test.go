package engine

import (
	"testing"
	"time"
)

// BenchmarkLimiter is what a change costs that is limited, and one that is not.
func BenchmarkLimiter(b *testing.B) {
	for name, perSecond := range map[string]float64{"unlimited": 0, "limited": 1e12} {
		b.Run(name, func(b *testing.B) {
			m := limiter{perSecond: perSecond}
			for b.Loop() {
				if m.wait(time.Now) == 0 {
					m.spend(1)
				}
			}
		})
	}
}

// TestUnlimited: without a limit the clock is not asked.
func TestUnlimited(t *testing.T) {
	t.Parallel()
	m := limiter{}
	m.spend(1 << 30)
	if m.wait(func() time.Time { t.Error("the clock was asked"); return time.Now() }) != 0 {
		t.Error("it waits")
	}
}
