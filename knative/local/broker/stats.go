package broker

import "sync/atomic"

type counts struct {
	delivered, retried, deadLettered, replies atomic.Int64
}

// TriggerStats counts what one Trigger did since the start.
type TriggerStats struct {
	Trigger      string `json:"trigger"`
	Delivered    int64  `json:"delivered"`
	Retried      int64  `json:"retried"`
	DeadLettered int64  `json:"dead_lettered"`
	Replies      int64  `json:"replies"`
	Pending      int    `json:"pending"` // waiting, under way, or waiting for a retry
}

// Stats tells what each Trigger did, in the order they were given.
func (b *Broker) Stats() []TriggerStats {
	stats := make([]TriggerStats, len(b.triggers))
	for i, t := range b.triggers {
		stats[i] = TriggerStats{
			Trigger: t.Name, Delivered: t.counts.delivered.Load(), Retried: t.counts.retried.Load(),
			DeadLettered: t.counts.deadLettered.Load(), Replies: t.counts.replies.Load(), Pending: len(t.room),
		}
	}
	return stats
}
