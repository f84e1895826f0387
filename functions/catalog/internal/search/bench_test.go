package search

import "testing"

var sample = Entry{
	Name: `HP EliteBook 8730w Notebook 43.2 cm (17") 1920 x 1200 pixels Intel® Core™2 Quad 4 GB DDR2-SDRAM 320 GB`, Brand: "HP",
	Description: `<b>HP EliteBook</b> 8730w, Core 2 Quad Q9100 2.26GHz, 4GB RAM, 320GB HDD, DVD±RW, WLAN, Bluetooth, Webcam, 17" WUXGA &amp; a text about what it is for and who would like to have one on the desk.`,
	Attributes: map[string]any{
		"product_type": "Notebook", "display_diagonal": 17.0, "product_colour": "Silver", "touchscreen": false,
		"processor_family": "Intel Core 2 Quad", "internal_memory": 4.0, "os": "Windows Vista Business", "weight": 3400.0,
		"webcam": true, "ports": "VGA, DisplayPort, eSATA, USB 2.0, ExpressCard/54, RJ-45, IEEE 1394", "country_of_origin": "China",
	},
	Codes: []string{"ICE-123456", "0885631254789"}, PartNumbers: []string{"FU470EA#ABB"},
}

// What search adds to the write of one product, without the database.
func BenchmarkAnalyseProduct(b *testing.B) {
	d := newDocument(stemmer{})
	t := newTitle(d.stemmer)
	for b.Loop() {
		_, _ = d.of(sample).text(), t.of(sample)
		_ = codesOf(sample)
		_ = vocabulary([]Entry{sample})
	}
}

func BenchmarkScore(b *testing.B) {
	title := []byte(titleOf(sample))
	s := newScorer(parse("17 inch hp laptop"))
	for b.Loop() {
		_, _ = s.score(title, 0)
	}
}
