package drive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// An import lasts as long as its rows do.
var importer = http.Client{Timeout: time.Hour}

// PutLocation makes a place where stock lies.
func PutLocation(ctx context.Context, s *Server, token, code string) error {
	body := strings.NewReader(`{"name":"Bench","priority":1}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+s.Address+"/v1/locations/"+code, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-None-Match", "*")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := importer.Do(req)
	if err != nil {
		return fmt.Errorf("make a location: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("make a location: %s", res.Status)
	}
	return nil
}

// ImportRows streams rows of a kind and fails unless all of them were taken.
func ImportRows(ctx context.Context, s *Server, token, kind string, n int, row func(i int) any) error {
	pipe, rows := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(rows, 256<<10)
		encoder := json.NewEncoder(out)
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = encoder.Encode(row(i))
		}
		rows.CloseWithError(errors.Join(err, out.Flush()))
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Address+"/v1/"+kind+":import?results=failed", pipe)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := importer.Do(req)
	if err != nil {
		return fmt.Errorf("import %s: %w", kind, err)
	}
	defer func() { _ = res.Body.Close() }()
	return summaryOf(res, kind, n)
}

func summaryOf(res *http.Response, kind string, n int) error {
	var last []byte
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if last = bytes.Clone(lines.Bytes()); res.StatusCode == http.StatusOK && bytes.Contains(last, []byte(`"failed"`)) && bytes.Contains(last, []byte(`"row"`)) {
			return fmt.Errorf("import %s: %s", kind, last)
		}
	}
	var end struct {
		Summary struct {
			Rows, Failed int
			Incomplete   bool
		}
	}
	if err := json.Unmarshal(last, &end); err != nil || res.StatusCode != http.StatusOK || end.Summary.Rows != n || end.Summary.Incomplete {
		return fmt.Errorf("import %s: %s: %s", kind, res.Status, last)
	}
	return lines.Err()
}
