package postgres

import (
	"context"
	"time"
)

// warmUpLimit is how long requests wait for the first connect at most before
// they connect on their own.
const warmUpLimit = 2 * time.Second

// WarmUp begins the first connect, with its login and what that needs, in the
// background: a process that was started for a request makes ready for it at
// the same time. Requests that come meanwhile wait for it instead of beginning
// a connect each. When it fails nothing is said: they will find out themselves.
// It is called once, before the pool is used.
func (p *Pool) WarmUp(ctx context.Context) {
	done := make(chan struct{})
	p.warming = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(ctx, warmUpLimit)
		defer cancel()
		if conn, err := p.acquire(ctx); err == nil {
			conn.Release()
		}
	}()
}

func (p *Pool) awaitWarmth(ctx context.Context) {
	if p.warming == nil {
		return
	}
	select {
	case <-p.warming:
	case <-ctx.Done():
	}
}
