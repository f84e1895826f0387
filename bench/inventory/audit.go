package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

var auditor = http.Client{Timeout: time.Minute}

// audit makes sure that the books of both sides agree with themselves.
func (w *world) audit(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.own.Address+"/v1/stock:audit", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+w.writer)
	res, err := auditor.Do(req)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	var report struct{ Items []json.RawMessage }
	if err := json.NewDecoder(res.Body).Decode(&report); err != nil || res.StatusCode != http.StatusOK || report.Items == nil {
		return fmt.Errorf("audit: %s: %w", res.Status, err)
	}
	if len(report.Items) > 0 {
		return fmt.Errorf("audit: %d levels differ, the first: %s", len(report.Items), report.Items[0])
	}
	return w.database.auditReference(ctx)
}
