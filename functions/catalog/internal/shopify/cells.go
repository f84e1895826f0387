package shopify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/mallhive/product-service/shared/fault"
)

// maxRecord bounds a record and all the records of one product, in bytes.
const maxRecord = 256 << 10

var errTooLong = fault.InvalidInput(fault.At("", "too_long", "a product has at most %d bytes; a quote that nothing closes makes one long too", maxRecord))

// cells takes CSV apart as RFC 4180 has it and forgives what spreadsheets do:
// text behind a closing quote and quotes within a cell belong to the cell,
// lines end as they like. It never holds more than one record.
type cells struct {
	in     *bufio.Reader
	comma  byte
	number int    // of the record read last, as a spreadsheet counts: the header is 1
	text   []byte // the record's cells, one behind the other
	ends   []int
	bytes  int
}

// sniff finds what parts the cells: what the header has most of, outside of
// quotes.
func sniff(in *bufio.Reader) byte {
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = in.Discard(3)
	}
	counts := map[byte]int{}
	quoted := false
	for n := 1; n <= in.Size(); n++ { // as far as it has come, and no further than the line
		ahead, err := in.Peek(n)
		if err != nil {
			break
		}
		c := ahead[n-1]
		if c == '"' {
			quoted = !quoted
		}
		if !quoted && (c == '\n' || c == '\r') {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// next reads a record; blank lines are counted and skipped. A fault concerns
// the record alone, which comes as far as it could be read; io.EOF is the end,
// any other error the stream's.
func (c *cells) next() ([]string, error) {
	for {
		c.number++
		c.text, c.ends, c.bytes = c.text[:0], c.ends[:0], 0
		more, err := c.record()
		blank := len(c.ends) == 1 && len(c.text) == 0
		switch {
		case errors.As(err, new(*fault.Error)):
			return c.split(), err
		case err != nil:
			return nil, err
		case blank && !more:
			return nil, io.EOF
		case blank:
			continue
		case !utf8.Valid(c.text):
			return c.split(), fault.InvalidInput(fault.At("", "encoding", "row %d is not UTF-8", c.number))
		}
		return c.split(), nil
	}
}

func (c *cells) split() []string {
	all := string(c.text)
	record := make([]string, len(c.ends))
	begin := 0
	for i, end := range c.ends {
		record[i] = all[begin:end]
		begin = end
	}
	return record
}

// record fills text and ends; more says that the stream may go on.
func (c *cells) record() (more bool, err error) {
	quoted := false
	begin := true // of a cell
	for {
		b, err := c.read()
		switch {
		case errors.Is(err, io.EOF) && quoted:
			return false, fault.InvalidInput(fault.At("", "unclosed_quote", "the quote that opens in row %d is not closed", c.number))
		case errors.Is(err, io.EOF):
			c.ends = append(c.ends, len(c.text))
			return false, nil
		case err != nil:
			return false, err
		case c.bytes > maxRecord:
			return true, c.skipLine()
		case quoted && b == '"':
			if quoted = c.peek() == '"'; quoted {
				_, _ = c.read()
				c.text = append(c.text, '"')
			}
		case quoted:
			c.text = append(c.text, b)
		case b == '"' && begin:
			quoted = true
		case b == c.comma:
			c.ends = append(c.ends, len(c.text))
			begin = true
			continue
		case b == '\n' || b == '\r':
			if b == '\r' && c.peek() == '\n' {
				_, _ = c.read()
			}
			c.ends = append(c.ends, len(c.text))
			return true, nil
		default:
			c.text = append(c.text, b)
		}
		begin = false
	}
}

func (c *cells) read() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.bytes++
	}
	return b, err
}

func (c *cells) peek() byte {
	next, err := c.in.Peek(1)
	if err != nil {
		return 0
	}
	return next[0]
}

// skipLine goes on to the next line: what begins there may be whole again.
func (c *cells) skipLine() error {
	for {
		_, err := c.in.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return fmt.Errorf("row %d: %w", c.number, errTooLong)
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
