package service

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheSubjectsOfOurTriggersAreKnown(t *testing.T) {
	t.Parallel()
	c := EventConfig{EventSubjects: []string{"a:trigger", "a:default-*"}}
	for subject, want := range map[string]bool{
		"a:trigger": true, "a:trigger-2": false, "a:trig": false, "": false, "*": false,
		"a:default-orders-0f3a": true, "a:default-": true, "a:default": false, "b:default-orders": false,
	} {
		require.Equal(t, want, c.knows(subject), subject)
	}
	require.False(t, EventConfig{}.knows(""))
}
