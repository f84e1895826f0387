package event

import "time"

// The data of the types that come in by the thousand is read by a scan: names
// as they are, each value of its type. Whatever else it is, encoding/json reads.

func (d *OrderPlacedData) scan(s *scan) bool {
	return s.members(func(name []byte) (ok bool) {
		switch string(name) {
		case "order_id":
			return s.textTo(&d.OrderID)
		case "lines":
			return s.linesTo(&d.Lines)
		case "expires_at":
			return s.timeTo(&d.ExpiresAt)
		case "allow_partial":
			d.AllowPartial, ok = s.boolean()
			return ok
		default:
			return anything.scan(s)
		}
	})
}

func (d *OrderPaidData) scan(s *scan) bool {
	return s.members(func(name []byte) bool {
		switch string(name) {
		case "order_id":
			return s.textTo(&d.OrderID)
		case "lines":
			return s.linesTo(&d.Lines)
		default:
			return anything.scan(s)
		}
	})
}

func (d *OrderCancelledData) scan(s *scan) bool {
	return s.members(func(name []byte) bool {
		switch string(name) {
		case "order_id":
			return s.textTo(&d.OrderID)
		case "lines":
			return s.linesTo(&d.Lines)
		case "reason":
			return s.textTo(&d.Reason)
		default:
			return anything.scan(s)
		}
	})
}

func (d *OrderReturnedData) scan(s *scan) bool {
	return s.members(func(name []byte) (ok bool) {
		switch string(name) {
		case "order_id":
			return s.textTo(&d.OrderID)
		case "lines":
			return s.linesTo(&d.Lines)
		case "restock":
			d.Restock, ok = s.boolean()
			return ok
		default:
			return anything.scan(s)
		}
	})
}

func (s *scan) linesTo(lines *[]OrderLine) bool {
	*lines = make([]OrderLine, 0, 1)
	return s.entries(func() bool {
		var l OrderLine
		took := l.scan(s)
		*lines = append(*lines, l)
		return took
	})
}

func (l *OrderLine) scan(s *scan) bool {
	return s.members(func(name []byte) (ok bool) {
		switch string(name) {
		case "sku":
			return s.textTo(&l.SKU)
		case "quantity":
			l.Quantity, ok = s.integer()
			return ok
		default:
			return anything.scan(s)
		}
	})
}

func (s *scan) textTo(v *string) bool {
	text, ok := s.string()
	*v = string(text)
	return ok
}

func (s *scan) timeTo(v **time.Time) bool {
	text, ok := s.string()
	*v = new(time.Time)
	return ok && (*v).UnmarshalText(text) == nil
}
