// Package event is the event contract of the service: every type that comes in
// and goes out, its data and JSON Schema, how it becomes a CloudEvent over
// HTTP and back, how one is received and how one is sent. It alone imports the
// CloudEvents SDK. It knows nothing of the outbox.
package event

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mallhive/product-service/shared/fault"
)

// Event is one event of the contract. The zero values of DataSchema, Sequence,
// PartitionKey, Traceparent and Replay mean that the event has none.
type Event struct {
	ID           string
	Source       string
	Type         string
	Subject      string
	Time         time.Time
	DataSchema   string // absolute; edges fill it, since they know the public address
	Sequence     int64  // rises with every event of a subject
	PartitionKey string
	Traceparent  string
	Replay       bool
	Extensions   map[string]string // attributes that are not of the contract
	ContentType  string            // empty means JSON
	Data         json.RawMessage   // raw bytes when ContentType is not JSON
}

// New makes an event with a fresh id and the present time. Its partition key is
// the subject. Nil data means that the event has none, or, for a state event,
// that it is filled in when it is sent.
func New(typ, source, subject string, data any) (Event, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Event{}, fmt.Errorf("id of a new event: %w", err)
	}
	e := Event{
		ID: id.String(), Source: source, Type: typ, Subject: subject, PartitionKey: subject,
		// PostgreSQL keeps microseconds: an event that was stored must not differ.
		Time: time.Now().UTC().Truncate(time.Microsecond),
	}
	if data == nil {
		return e, nil
	}
	if e.Data, err = json.Marshal(data); err != nil {
		return Event{}, fmt.Errorf("data of a new %s: %w", typ, err)
	}
	return e, nil
}

// Stream names what the event is ordered with: events of one stream are
// delivered one after the other, in the order of their appending.
func (e Event) Stream() string {
	t, known := TypeOf(e.Type)
	switch {
	case !known:
		return e.Type + ":" + e.Subject
	case t.Kind == "interaction":
		// Interactions of a product are independent of each other: a failing
		// one must not hold up the others.
		return t.Kind + ":" + e.ID
	default:
		return t.Kind + ":" + e.Subject
	}
}

// replySpace is the UUID namespace of replies; it must never change, or a
// redelivery is answered with another id.
const replySpace = "6f1d3c1e-3d0b-5b0e-9c2b-2f6a0c1f7a55"

// ReplyID is the id of the reply to a step of an order: the same for every
// redelivery.
func ReplyID(orderID, step string) string {
	return uuid.NewSHA1(uuid.MustParse(replySpace), []byte(orderID+"\x00"+step)).String()
}

// Decode reads the data into v. Data of a shape that v cannot take is a fault
// of kind Malformed.
func (e Event) Decode(v any) error {
	if quick, is := v.(interface{ scan(s *scan) bool }); is {
		// What a scan that ends early has set, json sets anew.
		if s := (scan{text: e.Data}); quick.scan(&s) && s.ended() {
			return nil
		}
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		f := fault.New(fault.Malformed, "data_unreadable", "the data cannot be read as %s", e.Type)
		f.Cause = err
		return f
	}
	return nil
}

// IsJSON says whether the data is JSON by its content type.
func (e Event) IsJSON() bool { return isJSON(e.ContentType) }
