package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Ping is one PingSource.
type Ping struct {
	Namespace   string
	Name        string
	ContentType string
	Data        string
	schedule    [5]func(int) bool
	zone        *time.Location
}

// Source is the CloudEvents source of its ticks.
func (p Ping) Source() string {
	return "/apis/v1/namespaces/" + p.Namespace + "/pingsources/" + p.Name
}

// Due says whether the schedule names this minute.
func (p Ping) Due(at time.Time) bool {
	at = at.In(p.zone)
	for i, value := range []int{at.Minute(), at.Hour(), at.Day(), int(at.Month()), int(at.Weekday())} {
		if !p.schedule[i](value) {
			return false
		}
	}
	return true
}

func (s *Stack) addPing(o object) error {
	var spec struct {
		Schedule    string `json:"schedule"`
		Timezone    string `json:"timezone"`
		ContentType string `json:"contentType"`
		Data        string `json:"data"`
		Sink        Destination
	}
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return err
	}
	if spec.Sink.Ref == nil || spec.Sink.Ref.Kind != "Broker" {
		return errors.New("its sink is not a Broker")
	}
	zone, err := time.LoadLocation(spec.Timezone)
	if err != nil {
		return err
	}
	schedule, err := parseSchedule(spec.Schedule)
	if err != nil {
		return err
	}
	s.Pings = append(s.Pings, Ping{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name,
		ContentType: spec.ContentType, Data: spec.Data, schedule: schedule, zone: zone})
	return nil
}

// parseSchedule reads the five fields of cron: *, */n, n, n-m and lists of them.
func parseSchedule(text string) ([5]func(int) bool, error) {
	var schedule [5]func(int) bool
	fields := strings.Fields(text)
	if len(fields) != len(schedule) {
		return schedule, fmt.Errorf("schedule %q has not five fields", text)
	}
	for i, field := range fields {
		ranges, err := parseField(field)
		if err != nil {
			return schedule, fmt.Errorf("schedule %q: %w", text, err)
		}
		schedule[i] = func(value int) bool {
			for _, r := range ranges {
				if value >= r.from && value <= r.to && (value-r.from)%r.step == 0 {
					return true
				}
			}
			return false
		}
	}
	return schedule, nil
}

type span struct{ from, to, step int }

func parseField(field string) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(field, ",") {
		bounds, step, stepped := strings.Cut(part, "/")
		s := span{from: 0, to: 99, step: 1}
		var err error
		if stepped {
			s.step, err = strconv.Atoi(step)
		}
		if bounds != "*" && err == nil {
			from, to, isRange := strings.Cut(bounds, "-")
			s.from, err = strconv.Atoi(from)
			if !stepped {
				s.to = s.from
			}
			if isRange && err == nil {
				s.to, err = strconv.Atoi(to)
			}
		}
		if err != nil || s.step < 1 {
			return nil, fmt.Errorf("field %q is not understood", field)
		}
		spans = append(spans, s)
	}
	return spans, nil
}
