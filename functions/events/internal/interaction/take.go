package interaction

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// A caller never waits more than a second. The parts of the work share it: who
// has waited for a place has less time left for the broker, and some is kept
// back for the outbox.
const (
	whole       = 950 * time.Millisecond
	placeLimit  = 500 * time.Millisecond
	lookupLimit = 250 * time.Millisecond
	// SendLimit is how long the broker may take for all of a request.
	SendLimit = 400 * time.Millisecond
	// fairTime is what a broker must have had before its silence counts: of a
	// request that has waited for its place and the catalog there may be less left.
	fairTime  = 100 * time.Millisecond
	storeTime = 250 * time.Millisecond
	// senders is how many events of one request are under way at once.
	senders = 16
)

// Whom an intake asks.
const (
	Broker  = "broker"
	Catalog = "catalog"
)

// Options of an intake.
type Options struct {
	DB   postgres.DB
	Send func(context.Context, event.Event) event.Receipt // nil: there is no broker
	Wake func()                                           // called when events were put into the outbox
	// Trouble hears when the broker or the catalog is given up on for a while,
	// and when it is back.
	Trouble func(whom string, gone bool, reason string)
}

// Intake takes interactions in. It is safe for concurrent use.
type Intake struct {
	o       Options
	room    room
	catalog catalog
	broker  breaker
	crew    *crew
	last    atomic.Int64 // the newest sequence given
}

// New makes an intake; it contacts nothing.
func New(o Options) *Intake {
	t := &Intake{o: o, crew: newCrew(), room: room{items: semaphore.NewWeighted(roomForItems)}}
	hear := func(whom string) func(bool, string) {
		if o.Trouble == nil {
			return nil
		}
		return func(gone bool, reason string) { o.Trouble(whom, gone, reason) }
	}
	t.broker = breaker{first: 2 * time.Second, longest: 15 * time.Second, enough: 8, changed: hear(Broker)}
	t.catalog = catalog{db: o.DB, breaker: breaker{first: time.Second, longest: 10 * time.Second, enough: 3, changed: hear(Catalog)}}
	return t
}

// Take hands the items of a request on. What the broker does not take in time
// goes to the outbox; what cannot be stored either is rejected, and when nothing
// was taken the whole request fails, with a fault of kind Unavailable, and may be
// repeated.
func (v *Visit) Take(ctx context.Context, entries []Entry) (Taken, error) {
	t := v.intake
	// A caller that hangs up has still handed them over, and says nothing of
	// the broker.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), v.came.Add(whole))
	defer cancel()
	items, places, rejected := sift(entries)
	result := Taken{Rejected: rejected}
	if len(items) == 0 {
		return result, nil
	}
	events, err := t.events(ctx, items)
	if err != nil {
		return Taken{}, err
	}
	var waiting []event.Event
	var held []int // the places of those that wait
	for i, outcome := range t.send(ctx, events) {
		switch outcome {
		case event.Delivered:
			result.Accepted++
		case event.Retry:
			waiting, held = append(waiting, events[i]), append(held, places[i])
		case event.Refused:
			result.reject(places[i], "the broker refuses the event")
		}
	}
	switch err := t.store(ctx, waiting); {
	case err == nil:
		result.Accepted, result.Stored = result.Accepted+len(waiting), len(waiting)
	case result.Accepted == 0:
		return Taken{}, fault.Passing(err, 5*time.Second, "the interactions can be neither sent nor stored now")
	default:
		for _, place := range held {
			result.reject(place, "can be neither sent nor stored now; send it again")
		}
	}
	slices.SortFunc(result.Rejected, func(a, b Rejection) int { return cmp.Compare(a.Index, b.Index) })
	return result, nil
}

func (r *Taken) reject(place int, reason string) {
	r.Rejected = append(r.Rejected, Rejection{Index: place, Reason: reason})
}

// sift parts the items from those that cannot be taken. Places are of the items
// in the request.
func sift(entries []Entry) (items []Interaction, places []int, rejected []Rejection) {
	items, places, rejected = make([]Interaction, 0, len(entries)), make([]int, 0, len(entries)), []Rejection{}
	first := make(map[string]int, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Err == nil {
			e.Err = e.Item.judge()
		}
		if e.Err == nil && e.Item.ID != "" {
			if other, taken := first[e.Item.ID]; taken {
				e.Err = fmt.Errorf("id: item %d has it", other)
			} else {
				first[e.Item.ID] = i
			}
		}
		if e.Err != nil {
			rejected = append(rejected, Rejection{Index: i, Reason: e.Err.Error()})
			continue
		}
		items, places = append(items, e.Item), append(places, i)
	}
	return items, places, rejected
}

func (t *Intake) events(ctx context.Context, items []Interaction) ([]event.Event, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	standings := t.catalog.standings(ctx, items)
	traceparent := outbox.Traceparent(ctx)
	events := make([]event.Event, len(items))
	for i := range items {
		var err error
		if events[i], err = items[i].event(standings[i], now); err != nil {
			return nil, err
		}
		events[i].Sequence, events[i].Traceparent = t.next(), traceparent
	}
	return events, nil
}

// event is what the item becomes.
func (i *Interaction) event(s standing, now time.Time) (event.Event, error) {
	data := i.data(now)
	s.mark(&data)
	subject := i.SKU
	if data.ProductID != nil {
		subject = *data.ProductID
	}
	body, err := json.Marshal(&data)
	if err != nil {
		return event.Event{}, fmt.Errorf("data of an interaction: %w", err)
	}
	e := event.Event{
		ID: i.ID, Source: event.FromEvents, Type: eventType(i.Type), Subject: subject, PartitionKey: subject,
		Time: data.OccurredAt, Data: body,
	}
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return event.Event{}, fmt.Errorf("id of an interaction: %w", err)
		}
		e.ID = id.String()
	}
	return e, nil
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

// send gives the events to the broker side by side, and says what became of
// each; those that it was not asked about are to be tried again.
func (t *Intake) send(ctx context.Context, events []event.Event) []event.Outcome {
	outcomes := make([]event.Outcome, len(events))
	if t.o.Send == nil {
		return outcomes
	}
	deadline, _ := ctx.Deadline()
	until := time.Now().Add(SendLimit)
	if latest := deadline.Add(-storeTime); latest.Before(until) {
		until = latest
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	fair := time.Until(until) >= fairTime
	if !fair && t.broker.isOpen() {
		return outcomes // somebody with more time is to ask for all
	}
	rest := events
	switch with := t.broker.ask(time.Now()); with {
	case no:
		return outcomes
	case probe:
		if outcomes[0] = t.sendOne(ctx, events[0], with); outcomes[0] == event.Retry {
			return outcomes
		}
		rest = events[1:]
	case yes:
	}
	answered := t.sendAll(ctx, rest, outcomes[len(events)-len(rest):])
	if fair && len(rest) > 0 && ctx.Err() != nil && !answered {
		t.broker.failed(time.Now(), yes, true, 0, "no answer to any event of a request")
	}
	return outcomes
}

// sendAll says whether the broker has settled any of the events.
func (t *Intake) sendAll(ctx context.Context, events []event.Event, outcomes []event.Outcome) bool {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(events) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
			if t.broker.resting(time.Now()) {
				return
			}
			outcomes[i] = t.sendOne(ctx, events[i], yes)
		}
	}
	var workers sync.WaitGroup
	for range min(senders, len(events)) - 1 {
		workers.Add(1)
		t.crew.do(func() { defer workers.Done(); work() })
	}
	work()
	workers.Wait()
	return slices.ContainsFunc(outcomes, func(o event.Outcome) bool { return o != event.Retry })
}

func (t *Intake) sendOne(ctx context.Context, e event.Event, with permission) event.Outcome {
	receipt := t.o.Send(ctx, e)
	if with == probe || ctx.Err() == nil || receipt.Status != 0 {
		t.broker.learn(time.Now(), with, receipt)
	}
	return receipt.Outcome
}

func (t *Intake) store(ctx context.Context, events []event.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := outbox.Append(ctx, t.o.DB, events...); err != nil {
		return err
	}
	t.o.Wake()
	return nil
}
