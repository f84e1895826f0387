package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

// ask sends a request and shows it with its answer; another status than the one
// told is an error. tell turns the decoded answer into the words to show.
func (s *story) ask(ctx context.Context, by *client.Client, r request) (client.Reply, error) {
	body := ""
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return client.Reply{}, fmt.Errorf("encode: %w", err)
		}
		body = shorten(data, 200)
	}
	s.pen.request(r.method, r.path, body)
	var in any
	if r.raw != nil {
		in = r.raw
	} else {
		in = r.body
	}
	reply, err := by.Do(ctx, r.method, r.path, in, r.headers...)
	if err != nil {
		return reply, err
	}
	if reply.Status != r.want {
		s.pen.reply(reply.Status, shorten(reply.Body, 300))
		return reply, fmt.Errorf("%s %s answered %d, not %d", r.method, r.path, reply.Status, r.want)
	}
	text := ""
	if r.into != nil && len(reply.Body) > 0 {
		if err := reply.Decode(r.into); err != nil {
			return reply, err
		}
	}
	if r.tell != nil {
		text = r.tell(reply)
	}
	s.pen.reply(reply.Status, text)
	return reply, nil
}

type request struct {
	method  string
	path    string
	body    any    // JSON
	raw     []byte // or this, as it is
	headers []string
	want    int
	into    any
	tell    func(client.Reply) string
}

func get(path string, into any, tell func(client.Reply) string) request {
	return request{method: http.MethodGet, path: path, want: http.StatusOK, into: into, tell: tell}
}

// publish sends an event of the order service to the broker and shows it.
func (s *story) publish(ctx context.Context, step, orderID string, data map[string]any) error {
	data["order_id"] = orderID
	e := client.Event{
		ID: orderID + "-" + step, Type: "com.mallhive.order." + step + ".v1", Source: "/order-service",
		Subject: orderID, Time: time.Now(), Data: data,
	}
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	s.pen.sent(e, shorten(body, 200))
	reply, err := s.broker.Publish(ctx, e)
	if err != nil {
		return err
	}
	s.pen.reply(reply.Status, "the broker took it")
	return nil
}

// await waits for an event at a stand-in and shows it.
func (s *story) await(ctx context.Context, by, eventType, subject string, match func(client.Received) bool) (client.Received, error) {
	e, err := client.Inbox{Sinks: s.sinks, Name: by}.Await(ctx, eventType, subject, s.patience, match)
	if err != nil {
		return e, err
	}
	s.pen.received(by, e)
	return e, nil
}

// outcome waits for the reply to an order and decodes its reservation.
func (s *story) outcome(ctx context.Context, word, orderID string) (reservation, error) {
	var r reservation
	e, err := s.await(ctx, "order", "com.mallhive.inventory."+word+".v1", orderID, nil)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(e.Data, &r); err != nil {
		return r, fmt.Errorf("read the data of %s: %w", e.Type, err)
	}
	return r, nil
}

// hold is an assertion of the story.
func hold(as bool, format string, args ...any) error {
	if as {
		return nil
	}
	return fmt.Errorf(format, args...)
}
