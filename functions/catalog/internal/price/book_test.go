package price

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
)

// model is what a variant costs in each half hour, written down one by one.
type model struct {
	base, sale [cells]*Price
	starts     map[int]Price // of base prices, as they were set or scheduled
}

const cells = 400

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(cell int) time.Time { return epoch.Add(time.Duration(cell) * 30 * time.Minute) }

func (m *model) paid(cell int) *Price {
	base, sale := m.base[cell], m.sale[cell]
	if sale == nil {
		return base
	}
	paid := *sale
	if paid.CompareAt == nil && base != nil && base.Price.Amount > sale.Price.Amount {
		paid.CompareAt = &base.Price
	}
	return &paid
}

func (m *model) laid() {
	var now *Price
	for c := range cells {
		if p, begins := m.starts[c]; begins {
			now = &p
		}
		m.base[c] = now
	}
}

func drawPrice(t *rapid.T) Price {
	p := Price{Price: money.Money{Amount: int64(rapid.IntRange(1, 5).Draw(t, "amount")), Currency: "USD"}}
	if rapid.IntRange(0, 3).Draw(t, "compared?") == 0 {
		p.CompareAt = &money.Money{Amount: 9, Currency: "USD"}
	}
	return p
}

// step makes one change in the book and in the model.
func (m *model) step(t *rapid.T, b *Book, v uuid.UUID, now int) {
	p := drawPrice(t)
	start := now + rapid.SampledFrom([]int{0, 0, 1, 5, 40}).Draw(t, "start")
	var from *time.Time
	if start > now {
		from = ptr(at(start))
	}
	switch rapid.SampledFrom([]string{"set", "sell", "withdraw"}).Draw(t, "step") {
	case "set":
		result, err := b.Set(v, p, from)
		require.NoError(t, err)
		same := m.base[now] != nil && m.base[now].Same(p)
		if from != nil {
			known, planned := m.starts[start]
			same = planned && known.Same(p)
		}
		require.Equal(t, same, result == Unchanged, "the same again changes nothing")
		if !same {
			m.starts[start] = p
			m.laid()
		}
	case "sell":
		end := start + rapid.IntRange(1, 60).Draw(t, "length")
		free := true
		for c := start; c < end; c++ {
			free = free && m.sale[c] == nil
		}
		_, _, err := b.Sell(v, p, from, ptr(at(end)), false)
		require.Equal(t, !free, fault.Is(err, fault.Conflict), "%v", err)
		for c := start; c < end && free; c++ {
			m.sale[c] = &p
		}
	case "withdraw":
		m.withdraw(t, b, v, now)
	}
}

func (m *model) withdraw(t *rapid.T, b *Book, v uuid.UUID, now int) {
	l := b.line(v, "USD")
	all := append(append([]*entry{}, l.base...), l.sale...)
	if len(all) == 0 {
		return
	}
	row := rapid.SampledFrom(all).Draw(t, "which").Row
	err := b.Withdraw(row)
	switch {
	case row.endsBy(at(now)) || row.Kind == Base && !row.StartsAt.After(at(now)):
		require.True(t, fault.Is(err, fault.Conflict))
	case row.Kind == Base:
		require.NoError(t, err)
		delete(m.starts, int(row.StartsAt.Sub(epoch)/(30*time.Minute)))
		m.laid()
	default:
		require.NoError(t, err)
		for c := max(now, int(row.StartsAt.Sub(epoch)/(30*time.Minute))); at(c).Before(*row.EndsAt); c++ {
			m.sale[c] = nil
		}
	}
}

func ptr(t time.Time) *time.Time { return &t }

func TestSpansAreWhatBruteForcePaysAtAnyTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := uuid.New()
		b := &Book{lines: map[uuid.UUID]map[string]*line{}}
		m := &model{starts: map[int]Price{}}
		now := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			b.At = at(now)
			m.step(t, b, v, now)
			now += rapid.IntRange(0, 15).Draw(t, "wait")
		}
		b.At = at(now)
		spans := b.Spans([]uuid.UUID{v})
		for i, s := range spans {
			require.True(t, s.EndsAt == nil || s.EndsAt.After(s.StartsAt))
			if i > 0 {
				require.NotNil(t, spans[i-1].EndsAt)
				require.False(t, s.StartsAt.Before(*spans[i-1].EndsAt), "spans do not overlap")
			}
		}
		for c := max(0, now-40); c < cells; c++ {
			var found *Price
			for _, s := range spans {
				if !s.StartsAt.After(at(c)) && (s.EndsAt == nil || s.EndsAt.After(at(c))) {
					found = ptrPrice(priceOf(s.Amount, s.CompareAt, s.Currency))
				}
			}
			require.Equal(t, m.paid(c), found, "in half hour %d of now %d", c, now)
		}
	})
}

func ptrPrice(p Price) *Price { return &p }
