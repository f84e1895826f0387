package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func deadLetter(t *testing.T, s *servicetest.Server) event.Event {
	t.Helper()
	e := stockLow(t, "A", 1)
	e.Sequence = 77
	e.Extensions = map[string]string{"knativeerrordest": "http://analytics", "knativeerrorcode": "500", "knativeerrordata": "no space left", "tenant": "x"}
	for range 2 { // a broker delivers its dead letters at least once, too
		answer := deliver(t, s, "/dead-letters", e)
		require.Equal(t, http.StatusAccepted, answer.Status)
		require.Empty(t, answer.Body)
	}
	return e
}

func TestDeadLettersAreKeptShownReplayedAndDeleted(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := start(t, b)
	admin := s.Bearer(t, "events:admin")
	e := deadLetter(t, s)
	var list struct {
		Items []struct {
			ID, Destination, Reason string
			EventID                 string `json:"event_id"`
			Status, Deliveries      int
		}
	}
	s.Do(t, "GET", "/v1/dead-letters?type="+e.Type, nil, admin).JSON(t, &list)
	require.Len(t, list.Items, 1)
	letter := list.Items[0]
	require.Equal(t, e.ID, letter.EventID)
	require.Equal(t, "http://analytics", letter.Destination)
	require.Equal(t, "no space left", letter.Reason)
	require.Equal(t, 500, letter.Status)
	require.Equal(t, 2, letter.Deliveries)

	path := "/v1/dead-letters/" + letter.ID
	replayed := s.Do(t, "POST", path+"/replay", nil, admin)
	require.Equal(t, http.StatusOK, replayed.Status, "%s", replayed.Body)
	took := b.took()
	require.Len(t, took, 1, "to the broker, not to the address in the event")
	require.Equal(t, e.ID, took[0].ID)
	require.Equal(t, e.Sequence, took[0].Sequence)
	require.Equal(t, map[string]string{"tenant": "x"}, took[0].Extensions)

	b.answers(always(500))
	require.Equal(t, http.StatusServiceUnavailable, s.Do(t, "POST", path+"/replay", nil, admin).Status)
	b.answers(always(400))
	require.Equal(t, http.StatusConflict, s.Do(t, "POST", path+"/replay", nil, admin).Status)

	require.Equal(t, http.StatusNoContent, s.Do(t, "DELETE", path, nil, admin).Status)
	require.Equal(t, http.StatusNotFound, s.Do(t, "GET", path, nil, admin).Status)
	require.Equal(t, http.StatusForbidden, s.Do(t, "GET", "/v1/dead-letters", nil, s.Bearer(t, "catalog:write")).Status)
	require.Equal(t, http.StatusUnauthorized, s.Do(t, "GET", "/v1/dead-letters", nil).Status)
}

func TestDeadLettersOfStrangersAreKeptAsTheyCame(t *testing.T) {
	t.Parallel()
	s := start(t, startBroker(t))
	odd := event.Event{ID: "é\" 1", Source: "https://elsewhere", Type: "org.example.odd", ContentType: "text/plain", Data: json.RawMessage("a\x00b")}
	require.Equal(t, http.StatusAccepted, deliver(t, s, "/dead-letters", odd).Status)
	var list struct{ Items []struct{ ID string } }
	admin := s.Bearer(t, "events:admin")
	s.Do(t, "GET", "/v1/dead-letters", nil, admin).JSON(t, &list)
	require.Len(t, list.Items, 1)
	var letter struct{ Event event.Event }
	s.Do(t, "GET", "/v1/dead-letters/"+list.Items[0].ID, nil, admin).JSON(t, &letter)
	require.Equal(t, odd, letter.Event)
}

func TestDeadLettersComeInPages(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for i := range 5 {
		require.Equal(t, http.StatusAccepted, deliver(t, s, "/dead-letters", stockLow(t, fmt.Sprint("S", i), 1)).Status)
	}
	admin := s.Bearer(t, "events:admin")
	seen, cursor := map[string]bool{}, ""
	for range 3 {
		var page struct {
			Items      []struct{ Subject string }
			NextCursor string `json:"next_cursor"`
		}
		s.Do(t, "GET", "/v1/dead-letters?limit=2&cursor="+cursor, nil, admin).JSON(t, &page)
		for _, item := range page.Items {
			seen[item.Subject] = true
		}
		cursor = page.NextCursor
	}
	require.Len(t, seen, 5)
	require.Empty(t, cursor)
}
