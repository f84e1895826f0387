package listing

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Codes that attributes cannot have.
const (
	brandCode    = "brand"
	categoryCode = "/category"
)

// maxTerm is the longest value that can be filtered by, in bytes: longer ones
// are prose, which search finds.
const maxTerm = 256

// termID names one value of one code. It is a hash, so that writers need not
// agree on numbers; 64 bits of SHA-256 leave one chance in a million of a
// collision among ten million values.
func termID(code, value string) int64 {
	sum := sha256.Sum256([]byte(code + "\x00" + value))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // any 64 bits do
}

// dictionary gathers the distinct terms of a write.
type dictionary struct {
	seen          map[int64]bool
	ids           []int64
	codes, values []string
}

func newDictionary() *dictionary { return &dictionary{seen: map[int64]bool{}} }

func (d *dictionary) add(terms []int64, code, value string) []int64 {
	if value == "" || len(value) > maxTerm {
		return terms
	}
	id := termID(code, value)
	if !d.seen[id] {
		d.seen[id] = true
		d.ids = append(d.ids, id)
		d.codes = append(d.codes, code)
		d.values = append(d.values, value)
	}
	return append(terms, id)
}

type row struct {
	VariantID    uuid.UUID          `json:"variant_id"`
	ProductID    uuid.UUID          `json:"product_id"`
	SKU          string             `json:"sku"`
	Terms        []int64            `json:"terms"`
	Numbers      map[string]float64 `json:"numbers"`
	NameKey      string             `json:"name_key"`
	PublishedAt  time.Time          `json:"published_at"`
	Featured     bool               `json:"featured"`
	Positions    map[uuid.UUID]int  `json:"positions"`
	VisibleFrom  *time.Time         `json:"visible_from"`
	VisibleUntil *time.Time         `json:"visible_until"`
}

func rowsOf(e Entry, d *dictionary) []row {
	common := []int64{}
	common = d.add(common, brandCode, e.Brand)
	for _, c := range e.Categories {
		common = append(common, categoryTerm(c))
	}
	positions, numbers := map[uuid.UUID]int{}, map[string]float64{}
	maps.Copy(positions, e.Positions)
	for code, value := range e.Attributes {
		for _, text := range texts(value) {
			common = d.add(common, code, text)
		}
		if n, ok := value.(float64); ok {
			numbers[code] = n
		}
	}
	rows := make([]row, 0, len(e.Variants))
	for _, v := range e.Variants {
		terms := common[:len(common):len(common)]
		for code, value := range v.Options {
			terms = d.add(terms, code, value)
		}
		rows = append(rows, row{
			VariantID: v.ID, ProductID: e.ProductID, SKU: v.SKU, Terms: terms, Numbers: numbers,
			NameKey: nameKey(e.Name), PublishedAt: e.PublishedAt, Featured: e.Featured, Positions: positions,
			VisibleFrom: e.VisibleFrom, VisibleUntil: e.VisibleUntil,
		})
	}
	return rows
}

// categoryTerm is not in the dictionary: categories are not read back from it.
func categoryTerm(id uuid.UUID) int64 { return termID(categoryCode, id.String()) }

// nameKey sorts names as shoppers expect: whatever their case.
func nameKey(name string) string {
	key := strings.ToLower(name)
	if len(key) > 200 {
		key = strings.ToValidUTF8(key[:200], "")
	}
	return key
}

// texts is how an attribute's value reads in a filter.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{Number(v)}
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			if s, ok := item.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// Number writes a number the one way that filters compare.
func Number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// sameNumber writes a number as a filter gives it the way terms have it: 17.0
// is 17.
func sameNumber(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return Number(n)
}
