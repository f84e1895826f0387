package main

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// appendAvailability writes what encoding/json would.
func appendAvailability(b []byte, doc availabilityDoc) []byte {
	b = append(b, `{"orderable":`...)
	b = strconv.AppendBool(b, doc.Orderable)
	b = append(b, `,"checked_at":`...)
	b = appendTime(b, &doc.CheckedAt)
	b = append(b, `,"lines":[`...)
	for i := range doc.Lines {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLine(b, &doc.Lines[i])
	}
	return append(b, "]}\n"...)
}

func appendLine(b []byte, l *availabilityLine) []byte {
	b = appendText(append(b, `{"sku":`...), &l.SKU)
	b = appendText(append(b, `,"name":`...), l.Name)
	b = append(b, `,"unit_price":`...)
	if p := l.UnitPrice; p != nil {
		b = strconv.AppendInt(append(b, `{"amount":`...), p.Amount, 10)
		b = append(appendText(append(b, `,"currency":`...), &p.Currency), '}')
	} else {
		b = append(b, null...)
	}
	b = strconv.AppendInt(append(b, `,"requested":`...), l.Requested, 10)
	b = strconv.AppendInt(append(b, `,"available_to_order":`...), l.AvailableToOrder, 10)
	b = appendText(append(b, `,"delivery":`...), (*string)(l.Delivery))
	b = appendTime(append(b, `,"available_on":`...), l.AvailableOn)
	b = appendText(append(b, `,"status":`...), &l.Status)
	b = append(b, `,"reasons":[`...)
	for i := range l.Reasons {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, &l.Reasons[i])
	}
	return append(b, "]}"...)
}

const null = "null"

func appendText(b []byte, s *string) []byte {
	if s == nil {
		return append(b, null...)
	}
	b, _ = jsontext.AppendQuote(b, *s) // what is no UTF-8 is replaced, as elsewhere
	return b
}

func appendTime(b []byte, t *time.Time) []byte {
	if t == nil {
		return append(b, null...)
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}
