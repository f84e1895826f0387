package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// Received is a CloudEvent as a stand-in kept it.
type Received struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Source   string          `json:"source"`
	Subject  string          `json:"subject"`
	Time     string          `json:"time"`
	Sequence string          `json:"sequence"`
	Data     json.RawMessage `json:"data"`
}

// Inbox reads what a stand-in (analytics, recommendation, order) received.
type Inbox struct {
	Sinks *Client
	Name  string
}

// Events lists what was received of a type and subject; empty means all.
func (i Inbox) Events(ctx context.Context, eventType, subject string) ([]Received, error) {
	query := url.Values{}
	if eventType != "" {
		query.Set("type", eventType)
	}
	if subject != "" {
		query.Set("subject", subject)
	}
	var page struct {
		Items []Received `json:"items"`
	}
	if err := i.Sinks.Get(ctx, "/"+i.Name+"/received?"+query.Encode(), &page); err != nil {
		return nil, fmt.Errorf("ask the %s stand-in: %w", i.Name, err)
	}
	return page.Items, nil
}

// Await asks until an event of this type and subject that matches was received.
func (i Inbox) Await(ctx context.Context, eventType, subject string, within time.Duration, match func(Received) bool) (Received, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		events, err := i.Events(ctx, eventType, subject)
		if err != nil {
			return Received{}, err
		}
		for _, e := range events {
			if match == nil || match(e) {
				return e, nil
			}
		}
		select {
		case <-ctx.Done():
			return Received{}, fmt.Errorf("the %s stand-in did not receive %s for %s within %s", i.Name, eventType, subject, within)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
