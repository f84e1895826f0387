package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Event is a CloudEvent as the order service sends it.
type Event struct {
	ID      string
	Type    string
	Source  string
	Subject string
	Time    time.Time
	Data    any
}

// Publish hands an event to the broker in binary mode; the broker takes it
// with a 202. Delivery is the broker's business from there on.
func (c *Client) Publish(ctx context.Context, e Event) (Reply, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return Reply{}, fmt.Errorf("encode the data of %s: %w", e.Type, err)
	}
	reply, err := c.Do(ctx, http.MethodPost, "", data,
		"Ce-Specversion", "1.0",
		"Ce-Id", e.ID,
		"Ce-Type", e.Type,
		"Ce-Source", e.Source,
		"Ce-Subject", e.Subject,
		"Ce-Time", e.Time.UTC().Format(time.RFC3339Nano),
		"Ce-Partitionkey", e.Subject)
	if err != nil {
		return Reply{}, fmt.Errorf("publish %s %s: %w", e.Type, e.ID, err)
	}
	if !reply.OK() {
		return reply, fmt.Errorf("publish %s %s: %w", e.Type, e.ID, Refusal(reply))
	}
	return reply, nil
}
