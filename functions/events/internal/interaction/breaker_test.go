package interaction

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func newBreaker(heard *[]bool) *breaker {
	return &breaker{first: 2 * time.Second, longest: 15 * time.Second, enough: 3, changed: func(open bool, _ string) { *heard = append(*heard, open) }}
}

func TestOneCallerAloneAsksABrokerThatWasGone(t *testing.T) {
	t.Parallel()
	var heard []bool
	b := newBreaker(&heard)
	require.Equal(t, yes, b.ask(noon))
	b.failed(noon, yes, true, 0, "")
	require.True(t, b.resting(noon.Add(time.Second)))
	require.Equal(t, no, b.ask(noon.Add(time.Second)))

	later := noon.Add(2 * time.Second)
	require.Equal(t, probe, b.ask(later))
	for range 10 {
		require.Equal(t, no, b.ask(later), "the others do not wait as well")
	}
	require.Equal(t, probe, b.ask(later.Add(probeTime)), "one that never came back is not waited for")
	b.succeeded()
	require.Equal(t, yes, b.ask(later))
	require.Equal(t, []bool{true, false}, heard)
}

func TestABrokerThatStaysAwayIsAskedLessAndLessOften(t *testing.T) {
	t.Parallel()
	var heard []bool
	b := newBreaker(&heard)
	now := noon
	b.failed(now, yes, true, 0, "")
	var rests []time.Duration
	for range 5 {
		rests = append(rests, b.until.Sub(now))
		now = b.until
		with := b.ask(now)
		require.Equal(t, probe, with)
		b.failed(now, with, false, 0, "")
	}
	require.Equal(t, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 15 * time.Second}, rests)
	require.Equal(t, []bool{true}, heard, "it is said once")
}

func TestAFewFailuresAmongAnswersOpenNothing(t *testing.T) {
	t.Parallel()
	var heard []bool
	b := newBreaker(&heard)
	for range 10 {
		b.learn(noon, yes, event.Receipt{Status: 500})
		b.learn(noon, yes, event.Receipt{Status: 500})
		b.learn(noon, yes, event.Receipt{Status: 202, Outcome: event.Delivered})
	}
	require.Equal(t, yes, b.ask(noon))
	for range 3 {
		b.learn(noon, yes, event.Receipt{Status: 500})
	}
	require.Equal(t, no, b.ask(noon))
}

func TestARetryAfterOfTheBrokerIsKept(t *testing.T) {
	t.Parallel()
	var heard []bool
	b := newBreaker(&heard)
	b.learn(noon, yes, event.Receipt{Status: 429, After: 20 * time.Second})
	require.Equal(t, no, b.ask(noon.Add(19*time.Second)))
	require.Equal(t, probe, b.ask(noon.Add(20*time.Second)))
	b = newBreaker(&heard)
	b.learn(noon, yes, event.Receipt{Status: 503, After: 24 * time.Hour})
	require.Equal(t, probe, b.ask(noon.Add(longestWish)), "but not for ever")
}
