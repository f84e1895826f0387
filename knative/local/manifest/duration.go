package manifest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// duration reads an ISO 8601 duration of days and smaller; empty is 0.
func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	shape := regexp.MustCompile(`^P(?:([0-9.]+)D)?(?:T(?:([0-9.]+)H)?(?:([0-9.]+)M)?(?:([0-9.]+)S)?)?$`)
	parts := shape.FindStringSubmatch(text)
	if parts == nil || strings.Join(parts[1:], "") == "" {
		return 0, fmt.Errorf("%q is not an ISO 8601 duration such as PT2S", text)
	}
	units := []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}
	var sum time.Duration
	for i, part := range parts[1:] {
		if part == "" {
			continue
		}
		n, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not an ISO 8601 duration such as PT2S", text)
		}
		sum += time.Duration(n * float64(units[i]))
	}
	return sum, nil
}
