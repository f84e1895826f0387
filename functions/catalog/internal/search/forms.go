package search

import (
	"strings"

	"github.com/kljensen/snowball/english"
)

// units are the ways to write what stands after a number.
var units = map[string]string{
	"\"": "in", "inch": "in", "inches": "in", "in": "in", "ft": "ft", "foot": "ft", "feet": "ft", "yd": "yd", "yard": "yd", "yards": "yd",
	"mm": "mm", "millimeter": "mm", "millimetre": "mm", "cm": "cm", "centimeter": "cm", "centimetre": "cm", "centimeters": "cm", "centimetres": "cm",
	"m": "m", "meter": "m", "meters": "m", "metre": "m", "metres": "m", "km": "km",
	"kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb", "megabyte": "mb", "megabytes": "mb", "gigabyte": "gb", "gigabytes": "gb", "gig": "gb", "gigs": "gb", "terabyte": "tb", "terabytes": "tb",
	"hz": "hz", "khz": "khz", "mhz": "mhz", "ghz": "ghz", "megahertz": "mhz", "gigahertz": "ghz",
	"w": "w", "watt": "w", "watts": "w", "kw": "kw", "v": "v", "volt": "v", "volts": "v", "va": "va", "kva": "kva", "mah": "mah", "wh": "wh",
	"ml": "ml", "millilitre": "ml", "millilitres": "ml", "milliliter": "ml", "milliliters": "ml", "cl": "cl", "l": "l", "litre": "l", "litres": "l", "liter": "l", "liters": "l",
	"g": "g", "gram": "g", "grams": "g", "gr": "g", "kg": "kg", "kilo": "kg", "kilos": "kg", "kilogram": "kg", "kilograms": "kg",
	"oz": "oz", "ounce": "oz", "ounces": "oz", "lb": "lb", "lbs": "lb", "pound": "lb", "pounds": "lb",
	"mp": "mp", "mpix": "mp", "megapixel": "mp", "megapixels": "mp", "dpi": "dpi", "ppm": "ppm", "rpm": "rpm",
	"pc": "pc", "pcs": "pc", "piece": "pc", "pieces": "pc", "pk": "pk", "pack": "pk", "packs": "pk",
	"hr": "hr", "hrs": "hr", "hour": "hr", "hours": "hr",
}

// spellings are words whose forms no rule makes one: irregular plurals, and
// what is written otherwise elsewhere.
var spellings = map[string]string{
	"mice": "mouse", "men": "man", "mens": "man", "women": "woman", "womens": "woman", "children": "child", "childrens": "child", "kids": "kid", "feet": "foot", "teeth": "tooth", "geese": "goose", "people": "person",
	"knives": "knife", "shelves": "shelf", "leaves": "leaf", "scarves": "scarf", "loaves": "loaf", "halves": "half", "wolves": "wolf", "wives": "wife",
	"colour": "color", "colours": "color", "coloured": "colored", "colouring": "coloring", "grey": "gray", "fibre": "fiber", "fibres": "fiber",
	"centre": "center", "centres": "center", "theatre": "theater", "litre": "liter", "metre": "meter", "jewellery": "jewelry", "jewelled": "jeweled",
	"aluminium": "aluminum", "tyre": "tire", "tyres": "tire", "pyjama": "pajama", "pyjamas": "pajama", "catalogue": "catalog", "doughnut": "donut",
	"organiser": "organizer", "organisers": "organizer", "moulded": "molded", "mould": "mold", "moulds": "mold", "matt": "matte",
}

// stopWords say nothing of a product.
var stopWords = setOf(`a an and are as at be by for from has have i if in into is it its me my of on or our that the
	their them there these they this to was we were which will with you your`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// stem is the form in which a word is found: singular and plural alike, and
// mostly what else grammar makes of it (Porter's second English stemmer).
func stem(word string) string {
	if other, irregular := spellings[word]; irregular {
		word = other
	}
	if len(word) < 3 || !letters(word) {
		return word
	}
	if strings.HasSuffix(word, "s") && !strings.ContainsAny(word, "aeiouy") && !strings.HasSuffix(word, "ss") {
		return word[:len(word)-1] // dvds
	}
	if len(word) == 3 {
		return word // a ups is not up
	}
	return english.Stem(word, true)
}

// letters says that a word has nothing but the letters a to z.
func letters(word string) bool {
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return false
		}
	}
	return true
}
