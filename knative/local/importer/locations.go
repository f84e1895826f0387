package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mallhive/product-service/knative/local/client"
)

// createLocations makes the locations that the stock file names and the service
// does not know, "main" first: stock can lie only where a location is. One that
// exists is left as it is.
func (r *run) createLocations(ctx context.Context, path string) error {
	codes, err := locationsOf(path)
	if err != nil {
		return err
	}
	for i, code := range codes {
		body := map[string]any{"name": title(code), "priority": i + 1}
		err := r.service.Call(ctx, http.MethodPut, "/v1/locations/"+url.PathEscape(code), body, nil, "If-None-Match", "*")
		if err != nil && !client.IsStatus(err, http.StatusPreconditionFailed) {
			return fmt.Errorf("create location %s: %w", code, err)
		}
	}
	return nil
}

// locationsOf lists the locations of a stock file in the order they should have.
// A row that cannot be read is left for the service to refuse.
func locationsOf(path string) ([]string, error) {
	rows, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var codes []string
	for rows.More() {
		var row struct {
			Location string `json:"location"`
		}
		if json.Unmarshal(rows.Next(), &row) == nil && row.Location != "" && !slices.Contains(codes, row.Location) {
			codes = append(codes, row.Location)
		}
	}
	slices.SortStableFunc(codes, func(a, b string) int { return rank(a) - rank(b) })
	return codes, rows.Err()
}

func rank(code string) int {
	if code == "main" {
		return 0
	}
	return 1
}

func title(code string) string {
	words := strings.FieldsFunc(code, func(c rune) bool { return strings.ContainsRune("-_.~", c) })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}
