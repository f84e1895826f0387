package shopify

import (
	"bufio"
	"cmp"
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
	ahead    *record // the first of the next product
	seed     maphash.Seed
	recent   map[uint64]bool
	older    map[uint64]bool
	ended    error
	current  Product
	fault    error
	space    []byte // as long as a product may be
}

type record struct {
	cells []string
	row   int
	fault error
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
// fault is the header's; io.EOF is the true end.
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
	first, err := r.first()
	if err != nil {
		return r.cells.number, nil, err
	}
	group, size, err := r.together(first)
	name := r.cell(first.cells, handle)
	r.current = Product{Document: product.Document{Slug: slugOf(name)}}
	switch {
	case errors.As(err, new(*fault.Error)):
		r.fault = err
	case err != nil:
		return first.row, nil, err
	case r.seen(name):
		r.fault = fault.InvalidInput(fault.At("/slug", "not_together", "the lines of one handle stand together; this one came before"))
	default:
		r.current, r.fault = r.build(group)
	}
	return first.row, r.space[:min(size, len(r.space))], nil
}

// together reads the lines that belong to the first one. A line that is faulty
// makes the product so: written without it, the product would lose a variant.
func (r *Rows) together(first record) (group []record, size int, err error) {
	group, size, err = []record{first}, sizeOf(first.cells), first.fault
	for {
		next, stop := r.record()
		if stop != nil {
			r.ended = stop
			if errors.Is(stop, io.EOF) {
				stop = nil // else what is there may be half a product
			}
			return group, size, cmp.Or(stop, err)
		}
		if name := r.cell(next.cells, handle); name != "" && name != r.cell(first.cells, handle) {
			r.ahead = &next
			return group, size, err
		}
		if size += sizeOf(next.cells); size > maxRecord {
			err = cmp.Or[error](err, errTooLong)
		}
		if err = cmp.Or(err, next.fault); err == nil {
			group = append(group, next)
		}
	}
}

// Product is the one that Next went on to, and its faults.
func (r *Rows) Product() (Product, error) { return r.current, r.fault }

// Currency is the one that prices are read in.
func (r *Rows) Currency() string { return r.currency }

func (r *Rows) first() (record, error) {
	if r.ahead != nil {
		next := *r.ahead
		r.ahead = nil
		return next, nil
	}
	next, err := r.record()
	if err != nil {
		r.ended = err
	}
	return next, err
}

// record reads the next one; its own fault is no error.
func (r *Rows) record() (record, error) {
	cells, err := r.cells.next()
	next := record{cells: cells, row: r.cells.number}
	if errors.As(err, new(*fault.Error)) {
		next.fault, err = err, nil
	}
	return next, err
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
