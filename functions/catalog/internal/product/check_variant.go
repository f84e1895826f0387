package product

import (
	"sort"
	"strconv"
	"strings"

	"github.com/mallhive/product-service/functions/catalog/internal/text"
	"github.com/mallhive/product-service/shared/fault"
)

const skuCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-"

func (d *Document) checkVariants(faults *fault.List) {
	if len(d.Variants) > maxVariants {
		faults.Add("/variants", "too_many", "at most %d", maxVariants)
	}
	skus, combinations := map[string]bool{}, map[string]bool{}
	for i, v := range d.Variants[:min(len(d.Variants), maxVariants)] {
		at := "/variants/" + strconv.Itoa(i)
		if !ValidSKU(v.SKU) {
			faults.Add(at+"/sku", "pattern", "1 to 64 of A-Z, a-z, 0-9 and . _ ~ -")
		}
		if skus[v.SKU] {
			faults.Add(at+"/sku", "duplicate", "another variant of this product has it")
		}
		skus[v.SKU] = true
		text.Check(faults, at+"/mpn", v.MPN, 0, maxName)
		if v.WeightGrams != nil && *v.WeightGrams < 0 {
			faults.Add(at+"/weight_grams", "out_of_range", "0 or more")
		}
		checkGTINs(faults, at, v.GTINs)
		checkPrices(faults, at, v)
		d.checkOptions(faults, at, v, combinations)
	}
}

// ValidSKU reports whether a text can be a SKU.
func ValidSKU(sku string) bool {
	return len(sku) >= 1 && len(sku) <= 64 && strings.Trim(sku, skuCharacters) == ""
}

func checkGTINs(faults *fault.List, at string, gtins []string) {
	if len(gtins) > maxList {
		faults.Add(at+"/gtins", "too_many", "at most %d", maxList)
	}
	seen := map[string]bool{}
	for i, g := range gtins[:min(len(gtins), maxList)] {
		pointer := at + "/gtins/" + strconv.Itoa(i)
		if !ValidGTIN(g) {
			faults.Add(pointer, "check_digit", "a GTIN of 8 to 14 digits, the last of which checks the others")
		}
		if seen[g] {
			faults.Add(pointer, "duplicate", "named twice")
		}
		seen[g] = true
	}
}

// ValidGTIN checks a GTIN-8, -12, -13 or -14, or one of them that lost its
// leading zeros in some spreadsheet, by its check digit (GS1 General
// Specifications, 7.9).
func ValidGTIN(gtin string) bool {
	if len(gtin) < 8 || len(gtin) > 14 {
		return false
	}
	sum, weight := 0, 1
	for i := len(gtin) - 1; i >= 0; i-- {
		c := gtin[i]
		if c < '0' || c > '9' {
			return false
		}
		sum += int(c-'0') * weight
		weight = 4 - weight // 1, 3, 1, 3 … from the right
	}
	return sum%10 == 0
}

func checkPrices(faults *fault.List, at string, v Variant) {
	if v.CompareAt != nil && v.Price == nil {
		faults.Add(at+"/compare_at", "without_price", "goes with price")
	}
	if len(v.Prices) > maxPrices {
		faults.Add(at+"/prices", "too_many", "at most %d", maxPrices)
		return
	}
	seen := map[string]bool{}
	for i, p := range v.AllPrices() {
		pointer := at
		if v.Price == nil {
			pointer = at + "/prices/" + strconv.Itoa(i)
		} else if i > 0 {
			pointer = at + "/prices/" + strconv.Itoa(i-1)
		}
		p.Check(faults, pointer)
		if seen[p.Price.Currency] {
			faults.Add(pointer+"/price/currency", "duplicate", "this currency has a price already")
		}
		seen[p.Price.Currency] = true
	}
}

func (d *Document) checkOptions(faults *fault.List, at string, v Variant, combinations map[string]bool) {
	var values []string
	for _, name := range d.Options[:min(len(d.Options), maxOptions)] {
		value, given := v.Options[name]
		if !given {
			faults.Add(at+"/options/"+escape(name), "required", "the product's variants differ by it")
			continue
		}
		text.Check(faults, at+"/options/"+escape(name), value, 1, maxShort)
		values = append(values, value)
	}
	stray := make([]string, 0, len(v.Options))
	for name := range v.Options {
		if !contains(d.Options, name) {
			stray = append(stray, name)
		}
	}
	sort.Strings(stray)
	for _, name := range stray {
		faults.Add(at+"/options/"+escape(name), "unknown_option", "the product's options do not name it")
	}
	if len(d.Options) == 0 || len(values) < len(d.Options) {
		return
	}
	key := strings.Join(values, "\x00")
	if combinations[key] {
		faults.Add(at+"/options", "duplicate", "another variant has the same options")
	}
	combinations[key] = true
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
