package replay

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Line is how much of a SKU an order wants; a SKU may stand on several lines.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// Order is one line of the file: the data of order.placed but for the time.
type Order struct {
	OrderID  string `json:"order_id"`
	PlacedAt string `json:"placed_at,omitempty"`
	Lines    []Line `json:"lines"`
}

// readOrders reads an NDJSON file of orders, packed or not, in its order. An id
// that occurs twice is refused: its second order could have no outcome.
func readOrders(path string, limit int) ([]Order, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the orders: %w", err)
	}
	defer func() { _ = file.Close() }()
	var rows io.Reader = bufio.NewReaderSize(file, 1<<16)
	if strings.HasSuffix(path, ".gz") {
		if rows, err = gzip.NewReader(rows); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", path, err)
		}
	}
	var orders []Order
	seen := map[string]bool{}
	for decoder := json.NewDecoder(rows); limit <= 0 || len(orders) < limit; {
		var o Order
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read order %d of %s: %w", len(orders)+1, path, err)
		}
		if o.OrderID == "" || len(o.Lines) == 0 || seen[o.OrderID] {
			return nil, fmt.Errorf("order %d of %s has no id, no lines, or the id of another (%q)", len(orders)+1, path, o.OrderID)
		}
		seen[o.OrderID] = true
		orders = append(orders, o)
	}
	if len(orders) == 0 {
		return nil, fmt.Errorf("%s holds no orders", path)
	}
	return orders, nil
}

// skusOf lists every SKU the orders name, sorted.
func skusOf(orders []Order) []string {
	seen := map[string]bool{}
	var skus []string
	for _, o := range orders {
		for _, l := range o.Lines {
			if !seen[l.SKU] {
				seen[l.SKU] = true
				skus = append(skus, l.SKU)
			}
		}
	}
	slices.Sort(skus)
	return skus
}

func lineCount(orders []Order) int {
	n := 0
	for _, o := range orders {
		n += len(o.Lines)
	}
	return n
}
