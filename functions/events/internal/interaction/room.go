package interaction

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mallhive/product-service/shared/fault"
)

// What may be in memory at once, whatever is sent and however slow the broker
// is: bodies that have come in, and items that are worked on.
const (
	roomForBodies = 8 << 20
	roomForItems  = 4 * (MaxItems + 1)
)

type room struct {
	bodies atomic.Int64 // bytes that are there
	items  *semaphore.Weighted
}

func busy(cause error) error {
	return fault.Passing(cause, time.Second, "more interactions are under way than this instance has room for")
}

// Body is a request's as it comes in: it counts against the room for bodies
// until it is given up. A caller who sends slowly takes only what he has sent.
type Body struct {
	io.ReadCloser
	room  *room
	taken int64
	full  bool
}

// Body makes room for the bytes of a body as they are read.
func (t *Intake) Body(from io.ReadCloser) *Body { return &Body{ReadCloser: from, room: &t.room} }

func (b *Body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.taken += int64(n)
	if b.room.bodies.Add(int64(n)) > roomForBodies {
		b.full = true
		return 0, busy(nil)
	}
	return n, err
}

// Full is the fault of a body for which there was no room, or nil.
func (b *Body) Full() error {
	if b.full {
		return busy(nil)
	}
	return nil
}

// GiveUp says that the body is not needed any more.
func (b *Body) GiveUp() {
	b.room.bodies.Add(-b.taken)
	b.taken = 0
}

// Visit is a request that has been let in. It ends a second after it came at
// the latest.
type Visit struct {
	intake *Intake
	weight int64
	came   time.Time
}

// Enter waits for a place for the items of a body. One who gets none in time is
// told to come again.
func (t *Intake) Enter(ctx context.Context, body []byte) (*Visit, error) {
	v := &Visit{intake: t, came: time.Now(), weight: weigh(body)}
	if t.room.items.TryAcquire(v.weight) {
		return v, nil
	}
	// The page of a caller that has left may be closed: nobody would come again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), placeLimit)
	defer cancel()
	if err := t.room.items.Acquire(ctx, v.weight); err != nil {
		return nil, busy(err)
	}
	return v, nil
}

// weigh is how many items a body can hold at most.
func weigh(body []byte) int64 { return int64(min(bytes.Count(body, []byte("{")), MaxItems)) + 1 }

// Leave gives the place to the next.
func (v *Visit) Leave() { v.intake.room.items.Release(v.weight) }
