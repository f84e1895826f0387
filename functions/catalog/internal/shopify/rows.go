package shopify

import (
	"bufio"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
)

// remembered is how many of the latest handles are known again when they come
// back: two generations of half as many.
const remembered = 100_000

// Rows reads products one after the other, the lines of each standing together.
type Rows struct {
	cells    cells
	currency string
	columns  map[string]int
	ahead    []string // the first record of the next product
	aheadRow int
	seed     maphash.Seed
	recent   map[uint64]bool
	older    map[uint64]bool
	ended    error
	current  Product
	fault    error
	space    []byte // as long as a product may be
}

// Product is what one product's lines say.
type Product struct {
	product.Document                // its categories are the Tags
	Type             string         // the category it stands in when none of the tags is one
	columns          map[string]int // that the file has
}

// Open reads products whose prices are in the currency.
func Open(in io.Reader, currency string) *Rows {
	return &Rows{
		cells:    cells{in: bufio.NewReaderSize(in, 64<<10)},
		currency: currency, seed: maphash.MakeSeed(), recent: map[uint64]bool{}, space: make([]byte, maxRecord),
	}
}

// Next goes on to the next product: row is that of its first line, as a
// spreadsheet counts, where the header is 1; raw is as long as its lines. A
// fault concerns one product alone; io.EOF is the true end.
func (r *Rows) Next() (row int, raw []byte, err error) {
	if r.ended != nil {
		return 0, nil, r.ended
	}
	if r.columns == nil {
		if err := r.begin(); err != nil {
			r.ended = io.EOF
			return 1, nil, err
		}
	}
	first, row, err := r.first()
	if err != nil {
		return row, nil, err
	}
	records, rows := [][]string{first}, []int{row}
	size := sizeOf(first)
	tooLong := false
	for {
		next, err := r.cells.next()
		var bad *fault.Error
		if err != nil && !errors.As(err, &bad) {
			r.ended = err
			if !errors.Is(err, io.EOF) {
				return row, nil, err // what is there may be half a product
			}
			break
		}
		if bad != nil {
			// Whose line it is cannot be known: the product at hand must not lose it.
			return row, nil, bad
		}
		if name := r.cell(next, handle); name != "" && name != r.cell(first, handle) {
			r.ahead, r.aheadRow = next, r.cells.number
			break
		}
		if size += sizeOf(next); size > maxRecord {
			tooLong = true
			continue
		}
		records, rows = append(records, next), append(rows, r.cells.number)
	}
	if tooLong {
		return row, nil, errTooLong
	}
	if r.seen(r.cell(first, handle)) {
		return row, nil, fault.InvalidInput(fault.At("/slug", "not_together", "the lines of one handle stand together; this one came before"))
	}
	r.current, r.fault = r.build(records, rows)
	return row, r.space[:min(size, len(r.space))], nil
}

// Product is the one that Next went on to, and its faults.
func (r *Rows) Product() (Product, error) { return r.current, r.fault }

// Currency is the one that prices are read in.
func (r *Rows) Currency() string { return r.currency }

func (r *Rows) first() ([]string, int, error) {
	if r.ahead != nil {
		record := r.ahead
		r.ahead = nil
		return record, r.aheadRow, nil
	}
	record, err := r.cells.next()
	var bad *fault.Error
	if err != nil && !errors.As(err, &bad) {
		r.ended = err
	}
	return record, r.cells.number, err
}

// begin reads the header.
func (r *Rows) begin() error {
	r.cells.comma = sniff(r.cells.in)
	names, err := r.cells.next()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return err
	}
	r.columns = map[string]int{}
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := r.columns[name]; !twice {
			r.columns[name] = i
		}
	}
	var faults fault.List
	for _, needed := range []string{handle, title} {
		if _, ok := r.columns[needed]; !ok {
			faults.Add("", "missing_column", "the header names no column %s", strings.ToUpper(needed[:1])+needed[1:])
		}
	}
	return faults.Err()
}

// cell is a record's value in a column; short records end with empty ones.
func (r *Rows) cell(record []string, column string) string {
	i, ok := r.columns[column]
	if !ok || i >= len(record) {
		return ""
	}
	return strings.TrimSpace(record[i])
}

// text is a cell of people's words, as it is.
func (r *Rows) text(record []string, column string) string {
	if r.cell(record, column) == "" {
		return ""
	}
	return unguarded(record[r.columns[column]])
}

// seen reports a handle that has come before, not too long ago.
func (r *Rows) seen(name string) bool {
	key := maphash.String(r.seed, name)
	if r.recent[key] || r.older[key] {
		return true
	}
	if len(r.recent) >= remembered/2 {
		r.older, r.recent = r.recent, map[uint64]bool{}
	}
	r.recent[key] = true
	return false
}

func sizeOf(record []string) int {
	size := len(record)
	for _, cell := range record {
		size += len(cell)
	}
	return size
}

func (p Product) has(columns ...string) bool {
	return slices.ContainsFunc(columns, func(c string) bool { _, ok := p.columns[c]; return ok })
}
