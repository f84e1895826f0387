package shopify

import (
	"errors"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/shared/money"
)

var errAmount = errors.New("a price is digits with at most as many decimals as the currency has; thousands are parted all the same way")

// parseAmount reads an amount of major units as people and spreadsheets write
// it: 1299, 1,299.00, 1.299,00, 1 299,5, 1'299. Where a single comma or point
// could mean either, it parts thousands when three digits follow and files of
// this kind write it so; what stays in doubt is refused and not guessed.
// semicolons says that the file parts its cells with them, as it does where
// the comma is for decimals.
func parseAmount(text, currency string, semicolons bool) (int64, error) {
	exponent, known := money.Exponent(currency)
	if !known {
		return 0, errAmount
	}
	for _, space := range []string{" ", "\u00a0", "\u202f", "'", "’"} {
		text = strings.ReplaceAll(text, space, "\x00")
	}
	whole, decimals, mark := text, "", decimalMark(text, semicolons)
	if mark >= 0 {
		whole, decimals = text[:mark], text[mark+1:]
	}
	whole, err := ungrouped(whole)
	if err != nil || !digits(decimals) && decimals != "" {
		return 0, errAmount
	}
	if extra := len(decimals) - exponent; extra > 0 {
		// Zeros beyond what the currency has say nothing, but three may be thousands.
		if strings.Trim(decimals[exponent:], "0") != "" || len(decimals) == 3 {
			return 0, errAmount
		}
		decimals = decimals[:exponent]
	}
	amount, err := strconv.ParseInt(whole+decimals+strings.Repeat("0", exponent-len(decimals)), 10, 64)
	if err != nil || amount > money.Max {
		return 0, errAmount
	}
	return amount, nil
}

// decimalMark is where the decimals begin, or -1.
func decimalMark(text string, semicolons bool) int {
	comma, point := strings.LastIndexByte(text, ','), strings.LastIndexByte(text, '.')
	last := max(comma, point)
	switch {
	case last < 0:
		return -1
	case comma >= 0 && point >= 0: // the later one
		return last
	case strings.Count(text, text[last:last+1]) > 1: // thousands, twice
		return -1
	}
	groups := text[last] == ',' != semicolons
	if groups && len(text)-last-1 == 3 && last > 0 && !strings.Contains(text, "\x00") {
		return -1
	}
	return last
}

// ungrouped takes the marks between thousands away: all the same, three digits
// behind each.
func ungrouped(whole string) (string, error) {
	at := strings.IndexAny(whole, ",.\x00")
	if at < 0 {
		if !digits(whole) {
			return "", errAmount
		}
		return whole, nil
	}
	groups := strings.Split(whole, whole[at:at+1])
	for i, g := range groups {
		if !digits(g) || i > 0 && len(g) != 3 || i == 0 && (len(g) > 3 || g[0] == '0') {
			return "", errAmount
		}
	}
	return strings.Join(groups, ""), nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
