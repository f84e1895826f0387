package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"
)

// parts are the pieces of one start. All but connect follow one another; a bare
// program has no log, so that its first five are one.
type parts struct {
	main    time.Duration // the system's work and package initialisation
	config  time.Duration // environment and log
	listen  time.Duration
	build   time.Duration // pool, operations, routes
	alive   time.Duration // the answer of /healthz
	connect time.Duration // with the login; a function begins it when it listens
	waited  time.Duration // that the request waited for secrets and connect
	query   time.Duration // preparing and asking, until the last row
	answer  time.Duration
}

const partStarts = 7

// printParts starts each program some more times, with a log that tells more
// and a wire to the database that is watched. Both take a little time.
func printParts(ctx context.Context, s *theatre, dir string) error {
	line, err := openWire(s.Address())
	if err != nil {
		return err
	}
	defer line.close()
	s.Behind = line.address()
	defer func() { s.Behind = "" }()
	w := table()
	_, _ = fmt.Fprintln(w, "\nparts, milliseconds\tuntil main\tconfig\tlisten\toperations\thealthz\tconnect\twaited for it\tquery\tanswer\tsame again\tmemory at rest\t")
	bare, others := s.programs(dir)
	for _, p := range append([]program{bare}, others...) {
		p.env = append(p.env, "LOG_LEVEL=debug")
		if err := printPartsOf(ctx, w, p, line); err != nil {
			return err
		}
	}
	return w.Flush()
}

func printPartsOf(ctx context.Context, w *tabwriter.Writer, p program, line *wire) error {
	var all []parts
	for range partStarts {
		line.take()
		started, err := p.start(ctx)
		if err != nil {
			return err
		}
		found, err := partsOf(started, line.take())
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, found)
	}
	rest, err := p.rest(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(w, "%s\t", p.name)
	for _, part := range []func(parts) time.Duration{
		func(p parts) time.Duration { return p.main }, func(p parts) time.Duration { return p.config },
		func(p parts) time.Duration { return p.listen }, func(p parts) time.Duration { return p.build },
		func(p parts) time.Duration { return p.alive }, func(p parts) time.Duration { return p.connect },
		func(p parts) time.Duration { return p.waited }, func(p parts) time.Duration { return p.query },
		func(p parts) time.Duration { return p.answer },
	} {
		values := make([]time.Duration, len(all))
		for i := range all {
			values[i] = part(all[i])
		}
		_, _ = fmt.Fprintf(w, "%s\t", ms(median(values)))
	}
	_, _ = fmt.Fprintf(w, "%s\t%s\t\n", ms(rest.warm), mib(rest.resident))
	return nil
}

func partsOf(s started, moved []moment) (parts, error) {
	if len(moved) == 0 || moved[0].admitted.IsZero() || moved[0].done.Equal(moved[0].admitted) {
		return parts{}, errors.New("asked nothing of the database")
	}
	alive, answered, db := s.began.Add(s.alive), s.began.Add(s.database), moved[0]
	p := parts{
		alive: s.alive, connect: db.admitted.Sub(db.opened), waited: max(0, db.admitted.Sub(alive)),
		answer: answered.Sub(db.done),
	}
	p.query = s.database - s.alive - p.waited - p.answer
	marks := marksOf(s.log)
	listening, told := marks["listening"]
	if !told {
		return p, nil
	}
	configured, bound := marks["configured"], marks["port taken"]
	if configured.IsZero() || bound.IsZero() {
		return p, errors.New("the log lacks its marks")
	}
	p.config = s.configuring()
	p.main = configured.Add(-p.config).Sub(s.began)
	p.listen, p.build, p.alive = bound.Sub(configured), listening.Sub(bound), alive.Sub(listening)
	return p, nil
}

// marksOf is when each message was first logged.
func marksOf(log []byte) map[string]time.Time {
	marks := map[string]time.Time{}
	for raw := range bytes.Lines(log) {
		var line struct {
			Time    time.Time `json:"time"`
			Message string    `json:"message"`
		}
		if json.Unmarshal(raw, &line) == nil && line.Message != "" {
			if _, seen := marks[line.Message]; !seen {
				marks[line.Message] = line.Time
			}
		}
	}
	return marks
}

// configuring is how long a function says that it read its environment.
func (s started) configuring() time.Duration {
	for raw := range bytes.Lines(s.log) {
		var line struct {
			Message string  `json:"message"`
			Took    float64 `json:"took"`
		}
		if json.Unmarshal(raw, &line) == nil && line.Message == "configured" {
			return time.Duration(line.Took * float64(time.Second))
		}
	}
	return 0
}
