package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"
)

// Target is a running inventory.
type Target struct {
	Instances []Instance
	Locations []string // that the stock lies at; a counted history uses the first
	HTTP      *http.Client
	Answered  func() // hears of each answer; nil is nobody
	// Expire lets an order's time be over and says whether it was running. Only
	// expiring histories need it.
	Expire func(ctx context.Context, order string) (bool, error)
}

// Instance is where one of them listens and what it accepts.
type Instance struct {
	URL   string
	Staff string // a token with inventory:lock and inventory:write
	// Broker is the token of a delivery; empty for none.
	Broker string
}

// ErrNotOpened means that nobody answered when the stock was to be counted in:
// nothing was asked, and another name may do better.
var ErrNotOpened = errors.New("the history could not begin")

// Record plays a history that the seed makes up. Its SKUs and orders begin with
// name, which must be new to the target.
func (t Target) Record(ctx context.Context, name string, seed uint64, s Shape) (*History, error) {
	p := &player{Target: t, name: name, shape: s, replies: map[string]string{}}
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	p.started = time.Now()
	dice := rand.New(rand.NewPCG(seed, 1))
	group, inner := errgroup.WithContext(ctx)
	for client, inputs := range s.script(dice) {
		group.Go(func() error {
			for _, in := range inputs {
				if err := p.ask(inner, client, in); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("history %s: %w", name, err)
	}
	return &p.history, nil
}

type player struct {
	Target
	name    string
	shape   Shape
	started time.Time

	mu      sync.Mutex
	history History
	replies map[string]string // the first reply to each message
}

// open counts the stock in.
func (p *player) open(ctx context.Context) error {
	places := p.Locations
	if p.shape.Counted {
		places = places[:1]
	}
	for sku := range p.shape.SKUs {
		for i, location := range places {
			n := p.shape.OnHand / len(places)
			if i == 0 {
				n += p.shape.OnHand % len(places)
			}
			_, answered, err := p.countAt(ctx, location, sku, n, "If-None-Match")
			if err != nil {
				return err
			}
			if !answered {
				return fmt.Errorf("%w: %s", ErrNotOpened, p.name)
			}
		}
		p.history.opening[sku] = int32(p.shape.OnHand)
	}
	return nil
}

func (p *player) now() int64 { return int64(time.Since(p.started)) }

func (p *player) note(client int, in input, call, ret int64, out output) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if out.Kind == silence {
		p.history.Silent++
	}
	p.history.events = append(p.history.events, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: ret})
}

// ask asks until there is an answer. What changes something is asked in the
// same words again, so that all the asking is one operation; only a count is
// not, and of what it did without an answer nothing is known.
func (p *player) ask(ctx context.Context, client int, in input) error {
	call, silent := p.now(), false
	for {
		out, answered, err := p.once(ctx, in)
		switch {
		case err != nil:
			return err
		case answered && silent && (out.Kind == waits || out.Kind == conflicts):
			// What got no answer may still be under way, and find another state.
			p.note(client, in, call, never, output{})
			return nil
		case answered:
			p.note(client, in, call, p.now(), out)
			if p.Answered != nil {
				p.Answered()
			}
			return nil
		case in.What == count:
			p.note(client, in, call, never, output{})
			return nil
		case in.What == look:
			call = p.now()
		default:
			silent = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// pause is how long a caller waits before it asks again.
const pause = 20 * time.Millisecond

func (p *player) once(ctx context.Context, in input) (output, bool, error) {
	switch in.What {
	case look:
		return p.look(ctx)
	case count:
		return p.countAt(ctx, p.Locations[0], in.SKU, int(in.Lines[in.SKU]), "If-Match")
	case adjust, move:
		return p.change(ctx, in)
	case expire:
		return p.letExpire(ctx, in)
	default:
		return p.deliver(ctx, in)
	}
}
