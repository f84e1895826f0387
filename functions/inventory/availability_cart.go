package main

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mallhive/product-service/functions/inventory/internal/availability"
	"github.com/mallhive/product-service/functions/inventory/internal/stock"
	"github.com/mallhive/product-service/shared/money"
)

type quickCart struct {
	currency string
	wishes   []availability.Wish
}

// holdsMoneyOf says that all in it is in one currency that exists.
func (c quickCart) holdsMoneyOf(currency string) bool {
	for _, w := range c.wishes {
		if w.ExpectedPrice != nil && w.ExpectedPrice.Currency != currency {
			return false
		}
	}
	_, known := money.Exponent(currency)
	return known
}

// mostQuickLines and the bounds below are those of availabilityInput.
const (
	mostQuickLines = 250
	mostPieces     = 1_000_000_000
)

// readCart reads a cart that says nothing twice and nothing unknown, in plain
// strings and whole numbers, within all bounds; false is any other.
func readCart(body []byte) (quickCart, bool) {
	d := cartDecoder{jsontext.NewDecoder(bytes.NewBuffer(body))}
	var c quickCart
	usual := d.object(func(name []byte) bool {
		switch string(name) {
		case `"currency"`:
			c.currency = d.text()
			return len(c.currency) == 3
		case `"lines"`:
			return d.array(func() bool {
				w, usual := d.wish()
				c.wishes = append(c.wishes, w)
				return usual && len(c.wishes) <= mostQuickLines
			})
		}
		return false
	})
	return c, usual && len(c.wishes) > 0 && d.ended()
}

type cartDecoder struct{ *jsontext.Decoder }

func (d cartDecoder) wish() (w availability.Wish, usual bool) {
	usual = d.object(func(name []byte) bool {
		switch string(name) {
		case `"sku"`:
			w.SKU = d.text()
			return stock.ValidID(w.SKU)
		case `"quantity"`:
			w.Quantity = d.number()
			return w.Quantity >= 1 && w.Quantity <= mostPieces
		case `"expected_price"`:
			w.ExpectedPrice = d.price()
			return w.ExpectedPrice != nil
		}
		return false
	})
	return w, usual && w.SKU != "" && w.Quantity != 0
}

// price is nil when there is none.
func (d cartDecoder) price() *money.Money {
	p := money.Money{Amount: -1}
	usual := d.object(func(name []byte) bool {
		switch string(name) {
		case `"amount"`:
			p.Amount = d.number()
			return p.Amount >= 0 && p.Amount <= money.Max
		case `"currency"`:
			p.Currency = d.text()
			return p.Currency != ""
		}
		return false
	})
	if !usual || p.Amount < 0 || p.Currency == "" {
		return nil
	}
	return &p
}

// object reads an object whose members member reads, by name in quotes. That no
// name comes twice is the decoder's concern.
func (d cartDecoder) object(member func(name []byte) bool) bool {
	if d.PeekKind() != '{' {
		return false
	}
	return d.inside('}', func() bool {
		name, err := d.ReadValue()
		return err == nil && member(name)
	})
}

func (d cartDecoder) array(element func() bool) bool {
	return d.PeekKind() == '[' && d.inside(']', element)
}

func (d cartDecoder) inside(end jsontext.Kind, each func() bool) bool {
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for d.PeekKind() != end {
		if !each() {
			return false
		}
	}
	_, err := d.ReadToken()
	return err == nil
}

// text is a string without escapes; "" is none.
func (d cartDecoder) text() string {
	v, err := d.ReadValue()
	if err != nil || v[0] != '"' || bytes.IndexByte(v, '\\') >= 0 {
		return ""
	}
	return string(v[1 : len(v)-1])
}

// number is a whole one, without sign or exponent; -1 is none.
func (d cartDecoder) number() int64 {
	v, err := d.ReadValue()
	if err != nil || len(v) > len("1000000000000000") {
		return -1
	}
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// ended says that nothing follows.
func (d cartDecoder) ended() bool {
	_, err := d.ReadToken()
	return errors.Is(err, io.EOF)
}
