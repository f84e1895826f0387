package reservation

import "time"

// Report is what became of orders that were decided together, or how many were
// turned away undecided.
type Report struct {
	Outcomes map[string]int  // how many orders by state; repeated ones and faults by these words
	Waited   []time.Duration // of each order, until its decision began
	Lines    int
	Took     time.Duration // the decision
	Shed     int
}

func reportOf(batch []*ticket, decisions []Decision, began time.Time) Report {
	r := Report{Outcomes: map[string]int{}, Waited: make([]time.Duration, len(batch)), Took: time.Since(began)}
	for i, t := range batch {
		r.Waited[i] = began.Sub(t.since)
		r.Lines += len(t.order.Lines)
		switch d := decisions[i]; {
		case d.Err != nil:
			r.Outcomes["failed"]++
		case d.Answer.Repeated:
			r.Outcomes["repeated"]++
		default:
			r.Outcomes[d.Answer.Data.State]++
		}
	}
	return r
}

func (q *Queue) observe(r Report) {
	if q.Observe != nil {
		q.Observe(r)
	}
}
