package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

// line is one line of the answer: the result of a row, or the summary.
type line struct {
	Row     int64       `json:"row"`
	Key     string      `json:"key"`
	Result  string      `json:"result"`
	Errors  []rowError  `json:"errors"`
	Summary *partResult `json:"summary"`
}

type rowError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

type partResult struct {
	Rows       int64 `json:"rows"`
	Created    int64 `json:"created"`
	Updated    int64 `json:"updated"`
	Unchanged  int64 `json:"unchanged"`
	Failed     int64 `json:"failed"`
	Incomplete bool  `json:"incomplete"`
}

// part streams up to PartRows rows in one request and reads the results while
// it sends. Both go on at once: neither the rows nor the results are ever held
// whole.
func (r *run) part(ctx context.Context, kind string, rows *rowFile, tally *Tally, tick func()) error {
	first := rows.Count()
	body, feed := io.Pipe()
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed.CloseWithError(feedRows(feed, rows, r.options.PartRows, tick))
	}()
	err := r.exchange(ctx, kind, "application/x-ndjson", body, first, tally)
	body.CloseWithError(errors.New("the answer is complete"))
	<-fed
	tick()
	if err == nil && rows.Err() == nil && tally.Rows < rows.Count() {
		tally.Incomplete = true
		err = fmt.Errorf("%w: %d rows were sent, %d were seen", ErrFailed, rows.Count(), tally.Rows)
	}
	return err
}

// feedRows returns nil after the last row of the part, or what the rows or the
// request broke with.
func feedRows(to io.Writer, rows *rowFile, limit int, tick func()) error {
	drawn := time.Now()
	for range limit {
		if !rows.More() {
			return rows.Err()
		}
		if _, err := to.Write(rows.Next()); err != nil {
			return err
		}
		if time.Since(drawn) > 100*time.Millisecond {
			drawn = time.Now()
			tick()
		}
	}
	return rows.Err()
}

// sheet streams a whole CSV in one request: where one product ends and the next
// begins is for the service to tell.
func (r *run) sheet(ctx context.Context, kind string, file *rowFile, tally *Tally, tick func()) error {
	err := r.exchange(ctx, kind, "text/csv", &ticking{Reader: file, tick: tick}, 0, tally)
	tick()
	return err
}

// ticking calls tick every now and then while it is read.
type ticking struct {
	io.Reader
	tick  func()
	drawn time.Time
}

func (t *ticking) Read(p []byte) (int, error) {
	if time.Since(t.drawn) > 100*time.Millisecond {
		t.drawn = time.Now()
		t.tick()
	}
	return t.Reader.Read(p)
}

func (r *run) exchange(ctx context.Context, kind, form string, body io.Reader, first int64, tally *Tally) error {
	request, err := r.service.Request(ctx, http.MethodPost, "/v1/"+kind+":import?results=failed", body,
		"Content-Type", form, "Accept", "application/x-ndjson, application/problem+json")
	if err != nil {
		return err
	}
	response, err := r.service.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("send a part: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return client.Refusal(client.Reply{Status: response.StatusCode, Body: text})
	}
	return readResults(response.Body, first, tally)
}

// readResults reads result lines until the summary. Rows are counted within the
// file, not within the part. An answer without a summary is a part of unknown
// fate, hence an error.
func readResults(answer io.Reader, first int64, tally *Tally) error {
	lines := json.NewDecoder(answer)
	for {
		var l line
		if err := lines.Decode(&l); err != nil {
			tally.Incomplete = true
			return fmt.Errorf("the answer ended before its summary (run the import again: what is there already counts as unchanged): %w", err)
		}
		if l.Summary != nil {
			tally.add(*l.Summary)
			return nil
		}
		if l.Result == "failed" {
			l.Row += first
			tally.note(l)
		}
	}
}
