package relay

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/functions/events/internal/deadletter"
	"github.com/mallhive/product-service/shared/outbox"
	"github.com/mallhive/product-service/shared/postgres"
)

// drain sends side by side and meanwhile goes to the database, once for both:
// to note what became of rows and to claim the next. What is under way is
// bounded, however much waits.
type drain struct {
	r        *Relay
	deadline time.Time
	rows     chan outbox.Claimed // to the workers
	outcomes chan outcome        // from them
	workers  int
	underway int       // rows that were claimed and are not noted
	over     []outcome // of them, those that are over
	idle     bool      // the last claim found nothing
	soonest  time.Time // when the first row that failed in this drain is due again
	report   *Report
}

func (r *Relay) newDrain(report *Report) *drain {
	most := 2 * r.o.Batch
	return &drain{
		r: r, deadline: time.Now().Add(r.o.Budget), report: report,
		rows: make(chan outbox.Claimed, most), outcomes: make(chan outcome, most),
	}
}

// run ends when nothing is due or its time is up, and returns when all that it
// claimed is noted.
func (d *drain) run(ctx context.Context) error {
	defer close(d.rows)
	for {
		claiming := d.mayClaim(ctx)
		if claiming || len(d.over) > 0 {
			if err := d.exchange(ctx, claiming); err != nil {
				d.abandon(ctx)
				return err
			}
		}
		if d.underway > 0 {
			d.gather()
		} else if !d.goOn(ctx, claiming) {
			return ctx.Err()
		}
	}
}

// abandon lets end what is under way and tries once more to note it: else it is
// sent again when the leases are over.
func (d *drain) abandon(ctx context.Context) {
	for len(d.over) < d.underway {
		d.over = append(d.over, <-d.outcomes)
	}
	_ = d.exchange(ctx, false)
}

// mayClaim says whether this drain takes more rows.
func (d *drain) mayClaim(ctx context.Context) bool {
	return ctx.Err() == nil && !d.r.isClosed() && !d.late() && !d.r.rest.resting()
}

func (d *drain) late() bool { return time.Now().After(d.deadline) }

// goOn waits, with nothing under way, until there is something to claim; false
// when that is not within this drain.
func (d *drain) goOn(ctx context.Context, claimed bool) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case d.r.isClosed() || d.late():
		d.report.More = true
		return false
	case d.r.rest.resting():
		return sleep(ctx, d.r.rest.until(), d.deadline)
	case !claimed || !d.idle:
		return true
	}
	until := d.soonest
	d.soonest = time.Time{}
	return !until.IsZero() && sleep(ctx, until, d.deadline)
}

// exchange notes in one transaction what is over, which makes way for the next
// of each stream, and claims.
func (d *drain) exchange(ctx context.Context, claiming bool) error {
	limit := 0
	if claiming {
		limit = d.r.rest.limit(min(d.r.o.Batch, 2*d.r.o.Batch-d.underway+len(d.over)))
	}
	// What was sent must be noted even if the caller has left meanwhile.
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var rows []outbox.Claimed
	err := postgres.InTx(noting, d.r.o.DB, func(tx pgx.Tx) (err error) {
		if err := note(noting, tx, d.over); err != nil || limit == 0 {
			return err
		}
		rows, err = d.r.place.Claim(noting, tx, limit, d.r.o.Lease)
		return err
	})
	if err != nil {
		return err
	}
	d.report.add(d.over)
	for _, o := range d.over {
		d.expect(o)
	}
	d.underway += len(rows) - len(d.over)
	d.over = nil
	d.idle = len(rows) == 0
	d.hand(ctx, rows)
	return nil
}

// hand gives rows to the workers; it never waits, since there is room for all.
func (d *drain) hand(ctx context.Context, rows []outbox.Claimed) {
	for _, row := range rows {
		d.rows <- row
	}
	for d.workers < min(d.r.o.Workers, d.underway) {
		d.workers++
		go func() {
			for row := range d.rows {
				d.outcomes <- d.r.send(ctx, row)
			}
		}()
	}
}

// gather waits until it is worth to go to the database: when enough is over,
// when workers run out of rows, but for the moment in which others end as well.
func (d *drain) gather() {
	d.over = append(d.over, <-d.outcomes)
	wait := 20 * time.Millisecond
	if d.underway-len(d.over) < d.r.o.Workers {
		wait = 2 * time.Millisecond
	}
	linger := time.NewTimer(wait)
	defer linger.Stop()
	for len(d.over) < d.r.o.Batch/2 && len(d.over) < d.underway {
		select {
		case o := <-d.outcomes:
			d.over = append(d.over, o)
		case <-linger.C:
			return
		}
	}
}

// expect remembers when the first row is due that failed; a little later than
// the database thinks.
func (d *drain) expect(o outcome) {
	if o.again == nil || o.again.Reason == "" {
		return
	}
	const margin = 20 * time.Millisecond
	now := time.Now()
	if at := now.Add(o.again.Again + margin); d.soonest.Before(now) || at.Before(d.soonest) {
		d.soonest = at
	}
}

// note keeps what became of rows. Whatever it cannot note is sent again when
// the lease is over.
func note(ctx context.Context, tx pgx.Tx, over []outcome) error {
	var gone []outbox.Claimed
	var letters []deadletter.Letter
	var again []outbox.Failure
	for _, o := range over {
		switch {
		case o.again != nil:
			again = append(again, *o.again)
			continue
		case o.letter != nil:
			letters = append(letters, *o.letter)
		}
		gone = append(gone, o.row)
	}
	if err := deadletter.Store(ctx, tx, letters...); err != nil {
		return err
	}
	if err := outbox.Remove(ctx, tx, gone...); err != nil {
		return err
	}
	return outbox.Postpone(ctx, tx, again...)
}
