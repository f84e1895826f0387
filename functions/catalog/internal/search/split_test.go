package search

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// titled is the words of a title without their marks.
func titled(name string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(titleOf(Entry{Name: name})) {
		if isMark(w[0]) {
			w = w[1:]
		}
		all[w] = true
	}
	return all
}

// has says that a title has every word that is asked for, in some form.
func has(name, asked string) bool {
	words, q := titled(name), parse(asked)
	for _, n := range q.needs {
		found := false
		for _, f := range n.forms {
			parts := 0
			for _, part := range strings.Fields(f.stem) {
				if words[part] {
					parts++
				}
			}
			found = found || parts == len(strings.Fields(f.stem))
		}
		if !found {
			return false
		}
	}
	return len(q.needs) > 0
}

func TestANameIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]string{
		`Laptop 43.9 cm (17.3")`:   {`17.3 inch laptop`, `17.3"`, `17.3in`, `17.3-inch laptops`, `17 inch laptop`, `17” laptop`, `43.9cm`, `laptop 17 in`, `notebook 17''`},
		`USB-C cable 1.00 m`:       {`usb-c`, `usb c`, `usbc`, `USB‑C CABLES`, `cable 1m`, `usb c cable 1 metre`},
		`Cable USB C`:              {`usb-c`, `usbc`},
		`USB 3.0 Type C hub`:       {`usb type-c`, `usb 3.0 hub`, `typec`},
		`Memory 4 GB DDR4`:         {`4gb`, `4 gb`, `4-gb`, `4GB memory`, `4 gigabyte ram`, `ddr 4`, `DDR-4`},
		`Disk 1TB`:                 {`1 tb`, `1 terabyte`},
		`Disk 1000 GB HDD`:         {`1tb`, `1tb hard drive`},
		`Shampoo 500ml`:            {`500 ml`, `500 millilitres`},
		`Charger 100 W`:            {`100w`, `100 watts`},
		`Coffee maker 1,5 L`:       {`1.5l`, `1.5 litre`},
		`Labels 1,000 pcs`:         {`1000 labels`, `1000pcs`, `1000 pieces`},
		`Café crème brûlée`:        {`cafe creme brulee`, `CAFÉ`},
		`Straße Ærø Łódź`:          {`strasse`, `aero`, `lodz`},
		`Intel® Core™2 Duo`:        {`intel core 2 duo`, `core2`},
		`AA batteries`:             {`aa battery`},
		`Wireless optical mice`:    {`mouse`, `wireless mouse`},
		`Chef's knives`:            {`chef knife`, `chefs knife`},
		`Women's dresses`:          {`women dress`, `womens dress`, `woman's dress`},
		`Bookshelf box`:            {`boxes`, `bookshelf`},
		`Notebook 15`:              {`note book`, `laptop`},
		`Head-phones`:              {`headphones`, `head phones`, `head-phone`},
		`Wi-Fi router`:             {`wifi router`, `wi fi`, `wi-fi`},
		`T-shirt`:                  {`tshirt`, `t shirt`, `t-shirts`},
		`WH-1000XM4`:               {`wh1000xm4`, `wh 1000xm4`, `WH-1000XM4`},
		`Colour fibre grey`:        {`color fiber gray`, `colours`},
		`Screen 1920 x 1080`:       {`1920x1080`, `1920 x 1080`, `1920×1080`},
		`DVD players`:              {`dvds`, `dvd player`},
		`UPS 1500 VA`:              {`1500va ups`, `uninterruptible power supply`},
		`Cups up to 6`:             {`cup`},
		`5' cable`:                 {`5 ft cable`, `5 feet`, `5ft`},
		`The box of the 12 pencil`: {`a box of pencils`, `12 pencils`},
	} {
		for _, asked := range all {
			require.True(t, has(name, asked), "%q in %q: %v in %v", asked, name, parse(asked).needs, titleOf(Entry{Name: name}))
		}
	}
	for name, asked := range map[string]string{`Cups`: `ups`, `Notebook 15.6"`: `17 inch`, `Charger 10 W`: `100w`, `<b>bold</b> mug`: `b`, `mug &amp; cup`: `amp`} {
		require.False(t, has(name, asked), "%q in %q", asked, name)
	}
}

func TestMarkupIsNoText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a <b class="x">bold</b> word`:               `a  bold  word`,
		`<script>alert(1)</script>x<STYLE>y</STYLE>`: ` x `,
		`<script>never closed`:                       ` `,
		`1 < 2 and 3 > 2`:                            `1 < 2 and 3 > 2`,
		`x &lt;b&gt; &amp; y`:                        `x <b> & y`,
		`<`:                                          `<`,
		`<a`:                                         `<a`,
		`a<br/>b`:                                    `a b`,
	} {
		require.Equal(t, want, withoutMarkup(text), text)
	}
}

func TestEveryNameIsFoundByItsOwnWords(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"usb", "-", "c", " ", " ", "17", "\"", "inch", ".", "3", "gb", "é", "™", "'", "s", "/", "batteries", "x", ",", "(", ")", "for", "the", "in", "&", "+", "ß", "日本", "½", "”", "mm"})
	rapid.Check(t, func(t *rapid.T) {
		name := strings.Join(rapid.SliceOfN(piece, 1, 30).Draw(t, "name"), "")
		if strings.Contains(name, `"`) || strings.Contains(name, "”") {
			t.Skip("quotes mean something in a query")
		}
		if q := parse(name); len(q.needs) > 0 && len(q.never) == 0 {
			require.True(t, has(name, name), "%q: %v in %v", name, q.needs, titleOf(Entry{Name: name}))
		}
	})
}

func FuzzTexts(f *testing.F) {
	for _, s := range []string{`USB-C 17.3" <b>x</b> 1,000 'a'`, "1'", `"`, "'s", "<script>", "\xff\xfe", "½ ² ﬁ", "-a -b", "1.2.3,4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := Entry{Name: text, Brand: text, Description: text, Attributes: map[string]any{"type": text}, Codes: []string{text}, PartNumbers: []string{text}}
		d := newDocument(stemmer{})
		title := titleOf(e)
		d.of(e)
		for form := range d.weight {
			if form == "" || strings.ContainsAny(form, " :'\\\t\n") {
				t.Fatalf("%q is no word of a tsvector", form)
			}
		}
		for w := range strings.SplitSeq(title, " ") {
			if title != "" && (w == "" || strings.ContainsAny(w, " '\\")) {
				t.Fatalf("%q in the title of %q", w, text)
			}
		}
		q := parse(text)
		if len(q.needs) > mostAsked {
			t.Fatalf("%d words", len(q.needs))
		}
		_, _ = newScorerOf(q).score([]byte(title), 0)
	})
}

// newScorerOf is newScorer for texts without words too.
func newScorerOf(q query) *scorer {
	if len(q.needs) == 0 {
		q = parse("x")
	}
	return newScorer(q)
}

func TestStemsAreLentToOneWriteAtATimeAndKeptWithinBounds(t *testing.T) {
	t.Parallel()
	var stems Stems
	m := stems.borrow()
	require.Equal(t, "shelf", m.stem("shelves"))
	require.Empty(t, stems.borrow(), "the other one is lent")
	stems.giveBack(m)
	require.Contains(t, stems.borrow(), "shelves")
	for i := range mostStems + 1 {
		m[strconv.Itoa(i)] = ""
	}
	stems.giveBack(m)
	require.Empty(t, stems.borrow())
}

func titleOf(e Entry) string { return newTitle(nil).of(e) }
