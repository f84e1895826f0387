package listing

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/mallhive/product-service/shared/postgres"
)

// dictionary gathers the distinct terms of a write.
type dictionary struct {
	keys          map[string]uint64 // of codes
	known         map[name]int
	ids           []int64
	codes, values []string
	numbers       []*float64
	octaves       map[string]map[int]int64 // terms of octaves by code
}

type name struct{ code, value string }

func newDictionary() *dictionary {
	return &dictionary{keys: map[string]uint64{}, known: map[name]int{}, octaves: map[string]map[int]int64{}}
}

func (d *dictionary) add(terms []int64, code, value string) []int64 {
	if value == "" || len(value) > maxTerm {
		return terms
	}
	i, known := d.known[name{code, value}]
	if !known {
		i = len(d.ids)
		d.known[name{code, value}] = i
		d.ids = append(d.ids, termOf(d.key(code), code, value))
		d.codes = append(d.codes, code)
		d.values = append(d.values, value)
		d.numbers = append(d.numbers, nil)
	}
	return append(terms, d.ids[i])
}

// key is numberKey, which takes a while.
func (d *dictionary) key(code string) uint64 {
	key, known := d.keys[code]
	if !known {
		key = numberKey(code)
		d.keys[code] = key
	}
	return key
}

// octave is octaveTerm, which takes a while too.
func (d *dictionary) octave(code string, n float64) int64 {
	of := d.octaves[code]
	if of == nil {
		of = map[int]int64{}
		d.octaves[code] = of
	}
	i := octave(n)
	term, known := of[i]
	if !known {
		term = octaveTerm(code, i)
		of[i] = term
	}
	return term
}

// number says that a code's value is a number.
func (d *dictionary) number(code string, n float64) {
	d.numbers[d.known[name{code, Number(n)}]] = &n
}

// Ordered, so that two writers of the same new terms wait for each other in
// one order.
const insertTermsSQL = `
insert into catalog.terms (id, code, value, number)
select id, code, value, number
from unnest(@ids::bigint[], @codes::text[], @values::text[], @numbers::float8[]) as t (id, code, value, number)
order by id
on conflict (id) do nothing`

// A text that reads like a number may have been there first.
const markNumbersSQL = `
update catalog.terms t
set number = n.number
from unnest(@ids::bigint[], @numbers::float8[]) as n (id, number)
where t.id = n.id
    and t.number is null
    and n.number is not null`

// queue writes the terms that are not there yet.
func (d *dictionary) queue(batch *pgx.Batch) {
	args := pgx.NamedArgs{"ids": d.ids, "codes": d.codes, "values": d.values, "numbers": d.numbers}
	batch.Queue(insertTermsSQL, args)
	if slices.ContainsFunc(d.numbers, func(n *float64) bool { return n != nil }) {
		batch.Queue(markNumbersSQL, args)
	}
}

const numbersSQL = `
select id
from catalog.terms
where code = @code
    and number between @min and @max
limit @most`

// resolve finds the values that are in bounds, where they are so few that
// products are looked up by them and not by octaves.
func (s *selection) resolve(ctx context.Context, db postgres.DB, most int) error {
	if !s.bounded {
		return nil
	}
	rows, err := db.Query(ctx, numbersSQL, pgx.NamedArgs{"code": s.code, "min": s.min, "max": s.max, "most": most + 1})
	if err != nil {
		return fmt.Errorf("numbers of %s: %w", s.code, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("numbers of %s: %w", s.code, err)
	}
	if s.few = len(ids) <= most; s.few {
		s.inside = ids
	}
	return nil
}
