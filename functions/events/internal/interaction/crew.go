package interaction

import "sync/atomic"

// crew does jobs side by side. Who has done one waits for the next, for to begin
// anew costs a goroutine most of what a job does.
type crew struct {
	jobs chan func()
	idle atomic.Int64
}

// crewIdle is how many wait for a job at most.
const crewIdle = 128

func newCrew() *crew { return &crew{jobs: make(chan func())} }

func (c *crew) do(job func()) {
	select {
	case c.jobs <- job:
	default:
		go c.work(job)
	}
}

func (c *crew) work(job func()) {
	for {
		job()
		if c.idle.Add(1) > crewIdle {
			c.idle.Add(-1)
			return
		}
		job = <-c.jobs
		c.idle.Add(-1)
	}
}
