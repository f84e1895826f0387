package interaction

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// A caller never waits more than a second: so long may each part of the work
// take at most.
const (
	lookupLimit = 300 * time.Millisecond
	storeLimit  = 250 * time.Millisecond
	// SendLimit is how long the broker may take for all of a request.
	SendLimit = 400 * time.Millisecond
	// detour is how long interactions go straight to the outbox after the
	// broker let a whole request wait in vain.
	detour = 2 * time.Second
	// senders is how many events of one request are under way at once.
	senders = 16
)

// Intake takes interactions in. It is safe for concurrent use.
type Intake struct {
	DB   postgres.DB
	Send func(context.Context, event.Event) event.Receipt // nil: there is no broker
	Wake func()                                           // called when events were put into the outbox

	code     *regexp.Regexp
	last     atomic.Int64 // the newest sequence given
	detourTo atomic.Int64 // Unix nanoseconds until which the outbox is used
}

// New makes an intake; it contacts nothing.
func New(db postgres.DB, send func(context.Context, event.Event) event.Receipt, wake func()) *Intake {
	return &Intake{DB: db, Send: send, Wake: wake, code: regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)}
}

// Take hands the items of a request on. What the broker does not take in time
// goes to the outbox; only when that fails too the whole request fails, with a
// fault of kind Unavailable, and may be repeated.
func (t *Intake) Take(ctx context.Context, entries []Entry) (Taken, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	result := Taken{Rejected: []Rejection{}}
	var items []Interaction
	var places []int // of the items in the request
	for i, e := range entries {
		if e.Err == nil {
			e.Err = e.Item.judge(t.code)
		}
		if e.Err != nil {
			result.Rejected = append(result.Rejected, Rejection{Index: i, Reason: e.Err.Error()})
			continue
		}
		items, places = append(items, e.Item), append(places, i)
	}
	if len(items) == 0 {
		return result, nil
	}
	known, err := t.lookup(ctx, items)
	result.Unchecked = err
	events, err := t.events(ctx, items, known, now)
	if err != nil {
		return Taken{}, err
	}
	waiting, refused := t.send(ctx, events)
	for _, i := range refused {
		result.Rejected = append(result.Rejected, Rejection{Index: places[i], Reason: "the broker refuses the event"})
	}
	if err := t.store(ctx, waiting); err != nil {
		return Taken{}, err
	}
	result.Accepted, result.Stored = len(items)-len(refused), len(waiting)
	return result, nil
}

func (t *Intake) events(ctx context.Context, items []Interaction, known *found, now time.Time) ([]event.Event, error) {
	types := eventTypes()
	events := make([]event.Event, len(items))
	for i, item := range items {
		data := item.data(now)
		known.mark(item, &data)
		subject := item.SKU
		if data.ProductID != nil {
			subject = *data.ProductID
		}
		body, err := json.Marshal(data)
		if err != nil {
			return nil, fmt.Errorf("data of an interaction: %w", err)
		}
		e := event.Event{
			ID: item.ID, Source: event.FromEvents, Type: types[item.Type], Subject: subject, PartitionKey: subject,
			Time: data.OccurredAt, Sequence: t.next(), Traceparent: outbox.Traceparent(ctx), Data: body,
		}
		if e.ID == "" {
			id, err := uuid.NewV7()
			if err != nil {
				return nil, fmt.Errorf("id of an interaction: %w", err)
			}
			e.ID = id.String()
		}
		events[i] = e
	}
	return events, nil
}

// next is a sequence without a round trip to the database: the time, and never
// the same or less than before.
func (t *Intake) next() int64 {
	for {
		last := t.last.Load()
		n := max(time.Now().UnixNano(), last+1)
		if t.last.CompareAndSwap(last, n) {
			return n
		}
	}
}

// send gives the events to the broker side by side. It returns those that it
// did not take in time and the indexes of those it never will.
func (t *Intake) send(ctx context.Context, events []event.Event) (waiting []event.Event, refused []int) {
	if t.Send == nil || time.Now().UnixNano() < t.detourTo.Load() {
		return events, nil
	}
	ctx, cancel := context.WithTimeout(ctx, SendLimit)
	defer cancel()
	outcomes := make([]event.Outcome, len(events))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(senders, len(events)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(events) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				outcomes[i] = t.Send(ctx, events[i]).Outcome
			}
		})
	}
	workers.Wait()
	for i, outcome := range outcomes {
		switch outcome {
		case event.Delivered:
		case event.Retry:
			waiting = append(waiting, events[i])
		case event.Refused:
			refused = append(refused, i)
		}
	}
	if len(waiting) == len(events) {
		t.detourTo.Store(time.Now().Add(detour).UnixNano())
	}
	return waiting, refused
}

func (t *Intake) store(ctx context.Context, events []event.Event) error {
	if len(events) == 0 {
		return nil
	}
	// A caller that hung up has still handed them over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	if err := outbox.Append(ctx, t.DB, events...); err != nil {
		return fault.Passing(err, 5*time.Second, "the interactions can be neither sent nor stored now")
	}
	t.Wake()
	return nil
}
