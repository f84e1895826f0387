package history

// amounts are quantities by SKU of a shelf.
type amounts [maxSKUs]int32

func (a amounts) plus(b amounts, times int32) amounts {
	for i := range a {
		a[i] += times * b[i]
	}
	return a
}

func (a amounts) within(b amounts) bool {
	for i := range a {
		if a[i] > b[i] {
			return false
		}
	}
	return true
}

// of leaves what the lines name.
func (a amounts) of(lines amounts) amounts {
	for i := range a {
		if lines[i] == 0 {
			a[i] = 0
		}
	}
	return a
}

func (a amounts) sum() int32 {
	var n int32
	for _, v := range a {
		n += v
	}
	return n
}
