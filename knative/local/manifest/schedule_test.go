package manifest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsAreISO8601(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "PT2S": 2 * time.Second, "PT0.2S": 200 * time.Millisecond, "PT1M30S": 90 * time.Second,
		"P1DT1H": 25 * time.Hour, "PT0S": 0,
	} {
		got, err := duration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"2s", "P", "PT", "P1M", "PT1.2.3S", "PT2S "} {
		_, err := duration(text)
		require.Error(t, err, text)
	}
}

func TestSchedulesNameTheMinutesThatCronNames(t *testing.T) {
	t.Parallel()
	sunday := time.Date(2026, 11, 22, 13, 30, 0, 0, time.UTC)
	for schedule, want := range map[string]bool{
		"* * * * *": true, "*/15 * * * *": true, "*/7 * * * *": false, "30 13 22 11 0": true, "29-31 * * * *": true,
		"0,30 * * * *": true, "0,15 * * * *": false, "10/20 * * * *": true, "* 9-17/2 * * *": true, "* 8-16/2 * * *": false, "* * * * 1-5": false,
	} {
		parsed, err := parseSchedule(schedule)
		require.NoError(t, err, schedule)
		require.Equal(t, want, Ping{schedule: parsed, zone: time.UTC}.Due(sunday), schedule)
	}
	for _, schedule := range []string{"", "* * * *", "x * * * *", "*/0 * * * *", "1- * * * *"} {
		_, err := parseSchedule(schedule)
		require.Error(t, err, schedule)
	}
}
