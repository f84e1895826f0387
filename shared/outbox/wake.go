package outbox

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mallhive/product-service/shared/event"
)

// wakeEvery is the least time between two wake-ups: one drain takes many rows.
const wakeEvery = 100 * time.Millisecond

// Waker tells the events function that rows wait. It never holds up a request:
// calls are gathered, at most one wake-up is under way, and one that is lost
// costs only time, since a schedule drains the outbox as well.
type Waker struct {
	sender *event.Sender
	source string
	log    *zap.Logger
	due    chan struct{}
	closed chan struct{}
	once   sync.Once
	done   chan struct{}
}

// OpenWaker starts a function's waker for its sink. Close it when requests have
// ended. It contacts nothing.
func OpenWaker(sink event.SenderOptions, source string, log *zap.Logger) (*Waker, error) {
	if sink.Sink == "" {
		log.Warn("K_SINK is not set: events wait in the outbox")
		return NewWaker(nil, source, log), nil
	}
	sink.Timeout, sink.MaxConns = 5*time.Second, 2
	sender, err := event.NewSender(sink)
	if err != nil {
		return nil, err
	}
	return NewWaker(sender, source, log), nil
}

// NewWaker starts a waker. Without a sender there is nobody to wake: rows wait
// for the schedule, and every call does nothing.
func NewWaker(sender *event.Sender, source string, log *zap.Logger) *Waker {
	w := &Waker{
		sender: sender, source: source, log: log,
		due: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// Wake is called after a commit that appended. It returns at once.
func (w *Waker) Wake() {
	if w == nil {
		return
	}
	select {
	case w.due <- struct{}{}:
	default: // one is waiting already and will tell of this change too
	}
}

// Close sends a wake-up that is still waiting and stops. It waits no longer
// than ctx allows.
func (w *Waker) Close(ctx context.Context) {
	if w == nil {
		return
	}
	w.once.Do(func() { close(w.closed) })
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}

func (w *Waker) run() {
	defer close(w.done)
	for {
		select {
		case <-w.due:
			w.send()
		case <-w.closed:
			select {
			case <-w.due:
				w.send()
			default:
			}
			return
		}
		select {
		case <-time.After(wakeEvery):
		case <-w.closed:
		}
	}
}

func (w *Waker) send() {
	if w.sender == nil {
		return
	}
	e, err := event.New(event.OutboxReady, w.source, "outbox", event.WakeData{Function: w.source})
	if err != nil {
		w.log.Error("wake the relay", zap.Error(err))
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if r := w.sender.Send(ctx, e); r.Outcome != event.Delivered {
		w.log.Warn("the relay was not woken; the schedule will", zap.String("reason", r.Reason), zap.Int("status", r.Status))
	}
}
