package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
)

func TestTheTableOfOutcomesIsWhole(t *testing.T) {
	t.Parallel()
	for _, step := range reservation.Steps() {
		for _, at := range reservation.Standings() {
			o := reservation.OutcomeOf(step, at)
			reasoned := []reservation.Action{
				reservation.Reject, reservation.RejectLate, reservation.LockCommit, reservation.Conflict, reservation.Wait,
			}
			require.Equal(t, slices.Contains(reasoned, o.Do), o.Reason != "", "%s %d", step, at)
			if o.Do == reservation.Lock || o.Do == reservation.Never {
				require.Equal(t, reservation.StandsNone, at)
			}
		}
	}
}

// Each cell that can be is tried by a message.
func TestEveryCellOfTheTableHasAWitness(t *testing.T) {
	t.Parallel()
	steps := map[reservation.Step]string{
		reservation.Placed: "placed", reservation.PlacedOtherwise: "placed otherwise",
		reservation.Paid: "paid", reservation.Cancelled: "cancelled", reservation.Returned: "returned",
	}
	standings := map[reservation.Standing]string{
		reservation.StandsNone: "none", reservation.StandsLocked: "locked", reservation.StandsCommitted: "committed",
		reservation.StandsReleased: "released", reservation.StandsBuried: "buried", reservation.StandsExpired: "expired",
		reservation.StandsRejected: "rejected",
	}
	tried := map[string]bool{}
	for _, c := range cells() {
		tried[c.message+" when "+c.state] = true
	}
	for _, step := range reservation.Steps() {
		for _, at := range reservation.Standings() {
			can := reservation.OutcomeOf(step, at).Do != reservation.Never
			require.Equal(t, can, tried[steps[step]+" when "+standings[at]], "%s when %s", steps[step], standings[at])
		}
	}
}

func TestTheReadmeHasTheTableOfOutcomes(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), "<!-- outcomes -->\n")
	require.True(t, found)
	table, _, found := strings.Cut(after, "<!-- /outcomes -->")
	require.True(t, found)
	require.Equal(t, reservation.Table(reservation.Steps()...), table)
}

func TestTheOpenAPIDocumentHasTheTableOfOutcomes(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]struct{ Description string }
	}
	s := open(t)
	s.Do(t, "GET", "/v1/openapi/inventory.json", nil).JSON(t, &doc)
	said := map[string]bool{}
	for path, steps := range map[string][]reservation.Step{
		"":                    {reservation.Placed, reservation.PlacedOtherwise},
		"/{order_id}/commit":  {reservation.Paid},
		"/{order_id}/release": {reservation.Cancelled},
		"/{order_id}/return":  {reservation.Returned},
	} {
		require.Contains(t, doc.Paths["/v1/reservations"+path]["post"].Description, reservation.Table(steps...), path)
		for _, step := range steps {
			said[reservation.Table(step)] = true
		}
	}
	require.Len(t, said, len(reservation.Steps()), "every row is with an operation")
}
