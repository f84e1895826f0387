package shopify

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/money"
)

func TestAmountsAreReadAsPeopleWriteThemAndNeverGuessed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, currency string
		semicolons     bool
		want           int64 // -1: refused
	}{
		{"12.50", "USD", false, 1250},
		{"12,50", "USD", false, 1250},
		{"12.5", "USD", true, 1250},
		{"12", "USD", false, 1200},
		{"0", "USD", false, 0},
		{"1,299.00", "USD", false, 129900},
		{"1.299,00", "EUR", false, 129900},
		{"1,299", "USD", false, 129900},
		{"1.299", "EUR", true, 129900},
		{"1.299", "USD", false, -1},
		{"1,299", "EUR", true, -1},
		{"1,299,000", "USD", false, 129900000},
		{"1 299,5", "EUR", true, 129950},
		{"1\u202f299,50", "EUR", true, 129950},
		{"1'299.50", "CHF", false, 129950},
		{"12.500", "USD", false, -1},
		{"12.5000", "USD", false, 1250},
		{"0,500", "USD", false, -1},
		{"1299", "JPY", false, 1299},
		{"1299.00", "JPY", false, 1299},
		{"1299.50", "JPY", false, -1},
		{"1.299", "KWD", false, 1299},
		{"1,299", "KWD", true, 1299},
		{"12,34,567", "INR", false, -1},
		{"1,2999.00", "USD", false, -1},
		{"$12.50", "USD", false, -1},
		{"-1", "USD", false, -1},
		{"1e3", "USD", false, -1},
		{"", "USD", false, -1},
		{".", "USD", false, -1},
		{"99999999999999999999", "USD", false, -1},
		{"1.5", "XXX", false, -1},
	} {
		got, err := parseAmount(c.text, c.currency, c.semicolons)
		if c.want < 0 {
			require.Error(t, err, "%q %s", c.text, c.currency)
			continue
		}
		require.NoError(t, err, "%q %s", c.text, c.currency)
		require.Equal(t, c.want, got, "%q %s", c.text, c.currency)
	}
}

func FuzzAmountsComeBack(f *testing.F) {
	f.Add(int64(129900), "USD")
	f.Fuzz(func(t *testing.T, amount int64, currency string) {
		if _, known := money.Exponent(currency); !known || amount < 0 || amount > money.Max {
			return
		}
		got, err := parseAmount(money.Money{Amount: amount, Currency: currency}.Decimal(), currency, false)
		require.NoError(t, err)
		require.Equal(t, amount, got)
	})
}

func read(t testing.TB, in io.Reader) (records [][]string, faults int) {
	t.Helper()
	c := cells{in: bufio.NewReaderSize(in, 64), comma: ','}
	for {
		record, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			return records, faults
		case errors.As(err, new(*fault.Error)):
			faults++
		default:
			require.NoError(t, err)
			records = append(records, record)
		}
	}
}

// Whatever encoding/csv can read, this reads alike; whatever it cannot does no
// harm.
func FuzzCellsAreThoseOfRFC4180(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\"a\"\"b\nc\",d\r\n\r\n,\n", "a\"b,c", "\"open", "\"a\"b\n", "\xff,1\nx\n", "a\rb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, faults := read(t, strings.NewReader(text))
		slowly, more := read(t, iotest.OneByteReader(strings.NewReader(text)))
		require.Equal(t, got, slowly)
		require.Equal(t, faults, more)
		if strings.Contains(text, "\r") {
			return // ends a line here wherever it stands
		}
		standard := csv.NewReader(strings.NewReader(text))
		standard.FieldsPerRecord = -1
		want, err := standard.ReadAll()
		if err != nil || faults > 0 {
			return
		}
		var kept [][]string
		for _, record := range want {
			if len(record) > 1 || record[0] != "" {
				kept = append(kept, record)
			}
		}
		require.Equal(t, kept, got)
	})
}

func FuzzAnySheetIsJudged(f *testing.F) {
	f.Add("Handle,Title,Variant SKU,Variant Price\na,A,S,1.5\na,,T,\n")
	f.Add("Handle;Title\n\"a\n;b")
	f.Fuzz(func(t *testing.T, text string) {
		rows := Open(strings.NewReader(text), "USD")
		last := 0
		for {
			row, raw, err := rows.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			require.Greater(t, row, last, "rows rise")
			last = row
			if err != nil {
				require.ErrorAs(t, err, new(*fault.Error))
				continue
			}
			require.LessOrEqual(t, len(raw), maxRecord)
			if p, err := rows.Product(); err == nil {
				require.Empty(t, p.Check(), "what has no fault keeps the rules")
			}
		}
	})
}

func FuzzTextsComeBack(f *testing.F) {
	f.Add("=1+1", "- a\n- b")
	f.Add("'=x", "''@")
	f.Fuzz(func(t *testing.T, name, description string) {
		d := product.Document{Slug: "a", Name: name, Description: description, Status: product.Draft}
		d.Normalise()
		// What is blank is nothing here, and JSON, by which products come, has only UTF-8.
		if len(d.Check()) > 0 || strings.TrimSpace(description) == "" && description != "" || !utf8.ValidString(name+description) {
			return
		}
		text := bytes.NewBufferString(Header())
		require.NoError(t, Write(text, d, "", nil))
		for _, line := range strings.Split(text.String(), "\n") {
			require.NotContains(t, line, ",=", "nothing acts")
		}
		rows := Open(text, "USD")
		_, _, err := rows.Next()
		require.NoError(t, err)
		got, err := rows.Product()
		require.NoError(t, err)
		require.Equal(t, d, got.Document)
	})
}

func TestASheetIsReadAsItComes(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	rows := Open(in, "USD")
	go func() { _, _ = io.WriteString(out, "Handle,Title\na,A\nb,B\n") }()
	row, _, err := rows.Next()
	require.NoError(t, err, "although more may come")
	require.Equal(t, 2, row)
	require.NoError(t, out.CloseWithError(io.ErrUnexpectedEOF))
	_, _, err = rows.Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "half a product is none")
}
