package broker

import (
	"cmp"
	"context"
	"encoding/base64"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.uber.org/zap"
)

// Backoff policies of a DeliverySpec.
const (
	Exponential = "exponential"
	Linear      = "linear"
)

// Delivery is a Trigger's DeliverySpec.
type Delivery struct {
	Retry         int // tries after the first
	BackoffPolicy string
	BackoffDelay  time.Duration
	Timeout       time.Duration // of one try; 0 has none
	// RetryAfterMax caps a Retry-After; nil has no cap, 0 ignores the header.
	RetryAfterMax *time.Duration
	DeadLetter    *Destination
}

// DefaultDelivery is what Knative gives a Broker that says nothing.
func DefaultDelivery() Delivery {
	return Delivery{Retry: 10, BackoffPolicy: Exponential, BackoffDelay: 200 * time.Millisecond}
}

// wait before the try that follows try number n, counted from 0.
func (d Delivery) wait(n int, scale float64, last result) time.Duration {
	factor := math.Exp2(float64(n))
	if d.BackoffPolicy == Linear {
		factor = float64(n)
	}
	wait := time.Duration(float64(d.BackoffDelay) * factor * scale)
	asked := last.retryAfter
	if d.RetryAfterMax != nil {
		asked = min(asked, *d.RetryAfterMax)
	}
	return max(wait, asked)
}

// retryable is Knative's SelectiveRetry; status 0 is no answer at all.
func retryable(status int) bool {
	switch status {
	case 0, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// carry brings a parcel to its subscriber, or to the dead-letter sink.
func (b *Broker) carry(p *parcel) {
	finished := false
	defer func() { b.done(p, finished) }()
	if b.options.CopiesTo > 1 && !b.sleep(rand.N(30*time.Millisecond)) {
		return
	}
	t := p.trigger
	last := b.try(t, t.Subject, t.Subscriber, p.event)
	if b.ctx.Err() != nil {
		return
	}
	if last.ok() {
		t.counts.delivered.Add(1)
		finished = b.forward(p, last.reply)
		return
	}
	t.counts.deadLettered.Add(1)
	finished = b.deadLetter(t, p.event, last)
}

// try sends until the answer is final or the tries are used up. Waiting for
// the next try takes no place from other deliveries.
func (b *Broker) try(t *trigger, subject string, to Destination, e event.Event) result {
	for n := 0; ; n++ {
		last := b.sendOne(t, subject, to, e)
		if last.ok() || !retryable(last.status) || n >= t.Delivery.Retry {
			return last
		}
		t.counts.retried.Add(1)
		wait := t.Delivery.wait(n, b.options.BackoffScale, last)
		b.options.Log.Info("delivery will be tried again", zap.String("trigger", t.Name), zap.String("type", e.Type()),
			zap.String("id", e.ID()), zap.Int("status", last.status), zap.Duration("in", wait), zap.Error(last.err))
		if !b.sleep(wait) {
			return last
		}
	}
}

func (b *Broker) sendOne(t *trigger, subject string, to Destination, e event.Event) result {
	select {
	case t.active <- struct{}{}:
		defer func() { <-t.active }()
	case <-b.ctx.Done():
		return result{err: b.ctx.Err()}
	}
	ctx := b.ctx
	if t.Delivery.Timeout > 0 {
		timed, cancel := context.WithTimeout(ctx, t.Delivery.Timeout)
		defer cancel()
		ctx = timed
	}
	return b.send(ctx, subject, to, e)
}

// forward lets a reply enter the broker. It returns false when the broker
// stops meanwhile: the event is delivered again then, for the sake of its reply.
func (b *Broker) forward(p *parcel, reply *event.Event) bool {
	if reply == nil {
		return true
	}
	p.trigger.counts.replies.Add(1)
	if p.ttl <= 1 {
		b.options.Log.Warn("reply dropped: it has passed the broker too often", zap.String("id", reply.ID()))
		return true
	}
	err := b.accept(b.ctx, *reply, p.ttl-1)
	switch {
	case err == nil:
		return true
	case b.ctx.Err() != nil:
		return false
	}
	return b.deadLetter(p.trigger, *reply, result{status: http.StatusServiceUnavailable, body: []byte(err.Error()), err: err})
}

// deadLetter brings an event to the dead-letter sink; false means that the
// broker stops meanwhile.
func (b *Broker) deadLetter(t *trigger, e event.Event, last result) bool {
	fields := []zap.Field{zap.String("trigger", t.Name), zap.String("type", e.Type()), zap.String("id", e.ID()),
		zap.Int("status", last.status), zap.ByteString("answer", last.body), zap.Error(last.err)}
	if t.Delivery.DeadLetter == nil {
		b.options.Log.Warn("event dropped: not delivered and no dead-letter sink", fields...)
		return true
	}
	b.options.Log.Warn("event becomes a dead letter", fields...)
	if final := b.try(t, cmp.Or(t.DeadLetter, t.Subject), *t.Delivery.DeadLetter, obituary(t, e, last)); !final.ok() {
		if b.ctx.Err() != nil {
			return false
		}
		b.options.Log.Error("dead letter lost: its sink does not take it",
			append(fields, zap.Int("sink_status", final.status), zap.NamedError("sink_error", final.err))...)
	}
	return true
}

// maxErrorData is Knative's bound on knativeerrordata.
const maxErrorData = 1024

// obituary is the event with Knative's account of why it was given up: the
// answer's body goes in base64, as the channel dispatcher writes it.
func obituary(t *trigger, e event.Event, last result) event.Event {
	status, body := last.status, string(last.body)
	if status == 0 {
		status, body = http.StatusInternalServerError, "dispatch error: "+last.err.Error()
	}
	printable := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, body)
	data := base64.StdEncoding.EncodeToString([]byte(printable))
	dead := e.Clone()
	dead.SetExtension("knativeerrordest", t.Subscriber.URL)
	dead.SetExtension("knativeerrorcode", status)
	dead.SetExtension("knativeerrordata", data[:min(len(data), maxErrorData)])
	return dead
}

// sleep returns false when the broker stops meanwhile.
func (b *Broker) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.ctx.Done():
		return false
	}
}
