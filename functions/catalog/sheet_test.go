package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/importer"
	"github.com/mallhive/product-service/functions/catalog/internal/product"
	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/service/servicetest"
)

func sheets(t testing.TB, s *servicetest.Server, query, text string) ([]importer.Result, importer.Summary) {
	t.Helper()
	return imports(t, s, "products", query, []byte(text), header("Content-Type", "text/csv; charset=utf-8"))
}

func told(faults []fault.Field) []string {
	var list []string
	for _, f := range faults {
		list = append(list, f.Pointer+" "+f.Code)
	}
	return list
}

const shirts = "\ufeff" + `Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,Image Position,Image Alt Text,Status
shirt,"Linen shirt, ""plain""","<p>Cool.</p>
<p>Two lines</p>",Weaver,Garden,"summer, pans",TRUE,Size,S,Color,White,SH-S-W,210.0,5,"1,299.00",1499.00,'4006381333931,https://i.example.com/2.jpg,2,back,active
shirt,,,,,,,,M,,White,SH-M-W,220,9,"12,50",0.00,,https://i.example.com/1.jpg,1,front,
shirt,,,,,,,,,,,,,,,,,https://i.example.com/3.jpg,3,,

mug,Mug,,Kiln,Garden,new,TRUE,Title,Default Title,,,MUG-1,,3,9.5,,,,,,
lamp,Lamp,,,,,TRUE,Title,Default Title,,,,,3,9.5,,123,,,,
tray,Tray,,,,,maybe,,,,,TRAY,heavy,3,1.2345,,,ftp://x,,,active
bowl,Bowl,,,,,false,,,,,,,,,,,,,,active
`

func TestASheetOfShopifyIsTakenAsItComes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"commas, BOM":    shirts,
		"tabs":           strings.NewReplacer(",", "\t", `"12,50"`, `12.50`, `"1,299.00"`, "1299").Replace(strings.ReplaceAll(strings.ReplaceAll(shirts, "shirt, ", "shirt; "), "summer, ", "summer,")),
		"carriage":       strings.ReplaceAll(shirts, "\n", "\r\n"),
		"semicolons too": semicolons(shirts),
	} {
		if name == "tabs" {
			text = tabs(shirts)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			seed(t, s)
			results, sum := sheets(t, s, "", text)
			require.Equal(t, []string{"2 shirt created", "6 mug created", "7 lamp failed", "8 tray failed", "9 bowl created"}, outcomes(results))
			require.Equal(t, importer.Summary{Rows: 5, Created: 3, Failed: 2}, sum)
			require.Equal(t, []string{"/variants/0/sku required", "/variants/0/gtins/0 check_digit"}, told(results[2].Errors))
			require.Contains(t, results[2].Errors[0].Detail, "row 7")
			require.Equal(t, []string{"/status not_allowed", "/variants/0/weight_grams format", "/variants/0/price format", "/media/0/url format"}, told(results[3].Errors))

			d, _ := get(t, s, "/v1/products/shirt", s.Bearer(t, drafts))
			require.Equal(t, `Linen shirt, "plain"`, d.Name)
			require.Equal(t, "<p>Cool.</p>\n<p>Two lines</p>", strings.ReplaceAll(d.Description, "\r\n", "\n"))
			require.Equal(t, []string{"pans"}, d.Categories, "of the tags")
			require.Equal(t, []string{"Size", "Color"}, d.Options)
			require.Len(t, d.Variants, 2)
			require.Equal(t, map[string]string{"Size": "M", "Color": "White"}, d.Variants[1].Options)
			require.EqualValues(t, 129900, d.Variants[0].Price.Amount)
			require.EqualValues(t, 149900, d.Variants[0].CompareAt.Amount)
			require.EqualValues(t, 1250, d.Variants[1].Price.Amount)
			require.Nil(t, d.Variants[1].CompareAt)
			require.EqualValues(t, 210, *d.Variants[0].WeightGrams)
			require.Equal(t, []string{"4006381333931"}, d.Variants[0].GTINs)
			require.Equal(t, []product.Media{
				{Kind: "image", URL: "https://i.example.com/1.jpg", Alt: "front"}, {Kind: "image", URL: "https://i.example.com/2.jpg", Alt: "back"}, {Kind: "image", URL: "https://i.example.com/3.jpg"},
			}, d.Media)
			mug, _ := get(t, s, "/v1/products/mug")
			require.Empty(t, mug.Options)
			require.Equal(t, []string{"garden"}, mug.Categories, "of the type, since no tag is one")
			bowl, _ := get(t, s, "/v1/products/bowl", s.Bearer(t, drafts))
			require.Equal(t, "draft", bowl.Status, "not published")

			_, sum = sheets(t, s, "?results=failed", text)
			require.Equal(t, importer.Summary{Rows: 5, Unchanged: 3, Failed: 2}, sum, "a repeat changes nothing")
		})
	}
}

// semicolons is a sheet as a program writes it where the comma is for decimals.
func semicolons(text string) string {
	text = strings.NewReplacer(`"1,299.00"`, "1.299,00", "1499.00", "1 499,00", `"12,50"`, "12,50", ",9.5,", ",9\x005,", "1.2345", "1\x002345", "0.00", "0").Replace(text)
	return strings.ReplaceAll(parted(text, ";"), "\x00", ",")
}

func tabs(text string) string { return parted(text, "\t") }

// parted parts cells otherwise; amounts that need quotes no more keep them.
func parted(text, by string) string {
	var b strings.Builder
	quoted := false
	for i, r := range text {
		if r == '"' {
			quoted = !quoted
		}
		decimals := strings.HasPrefix(text[max(i-5, 0):], "1.299,00") || strings.HasPrefix(text[max(i-5, 0):], "1 499,00") || strings.HasPrefix(text[max(i-2, 0):], "12,50")
		if r == ',' && !quoted && !decimals {
			b.WriteString(by)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func TestASheetOverAProductKeepsWhatItDoesNotSay(t *testing.T) {
	t.Parallel()
	s := start(t)
	seed(t, s)
	imports(t, s, "products", "", []byte(many))
	before, _ := get(t, s, "/v1/products/mug", s.Bearer(t, drafts))
	text, count := export(t, s, "format=csv")
	require.Equal(t, "5", count)
	results, sum := sheets(t, s, "?results=failed", text)
	require.Empty(t, results)
	require.Equal(t, importer.Summary{Rows: 5, Unchanged: 5}, sum, "what went out comes back as the same")
	_, sum = sheets(t, s, "", "Handle;Title;Variant SKU;Option1 Name;Option1 Value;Option2 Name;Option2 Value;Variant Price\nmug;Mug 2;M-1;size;S;colour;Red;1.299,5\n")
	require.Equal(t, 1, sum.Updated)
	after, _ := get(t, s, "/v1/products/mug", s.Bearer(t, drafts))
	require.Equal(t, "Mug 2", after.Name)
	require.Len(t, after.Variants, 1)
	require.EqualValues(t, 129950, after.Variants[0].Prices[1].Price.Amount)
	require.EqualValues(t, 1999, after.Variants[0].Prices[0].Price.Amount, "other currencies keep theirs")
	before.Name, before.Version, before.UpdatedAt, before.Variants = after.Name, after.Version, after.UpdatedAt, after.Variants
	require.Equal(t, before, after)
}

func TestASheetFromAnExportMakesTheSameProductsElsewhere(t *testing.T) {
	t.Parallel()
	from, to := start(t), start(t)
	for _, s := range []*servicetest.Server{from, to} {
		for _, kind := range []string{"attributes", "categories"} {
			b, err := os.ReadFile("../../knative/local/sample/" + kind + ".ndjson")
			require.NoError(t, err)
			imports(t, s, kind, "", b)
		}
	}
	sample, err := os.ReadFile("../../knative/local/sample/products.ndjson")
	require.NoError(t, err)
	imports(t, from, "products", "", sample)
	first, _ := export(t, from, "format=csv&currency=EUR")
	results, _ := sheets(t, to, "?results=failed&currency=EUR", first)
	require.Empty(t, results)
	second, _ := export(t, to, "format=csv&currency=EUR")
	require.Equal(t, first, second)
}

func TestASheetInParts(t *testing.T) {
	t.Parallel()
	s := start(t)
	results, sum := sheets(t, s, "", "Title,SKU\nMug,M\n")
	require.Equal(t, []string{"1  failed"}, outcomes(results))
	require.Equal(t, []string{" missing_column"}, told(results[0].Errors))
	require.Equal(t, importer.Summary{Rows: 1, Failed: 1}, sum)
	_, sum = sheets(t, s, "", "")
	require.Equal(t, importer.Summary{}, sum)

	var text strings.Builder
	text.WriteString("Handle,Title,Variant SKU\na,A,A\nb,B,B\na,A,A-2\nlong," + strings.Repeat("x", 300<<10) + ",L\nc,C,C\nbad,\xff,B-2\nd,D,D\n")
	for i := range 400 {
		fmt.Fprintf(&text, "p-%d,P,P-%d\n", i, i)
	}
	text.WriteString("last,\"open,L")
	results, sum = sheets(t, s, "?results=failed", text.String())
	require.Equal(t, []string{"4 a failed", "5 long failed", "7 bad failed", "409 last failed"}, outcomes(results))
	require.Equal(t, "not_together", results[0].Errors[0].Code)
	require.Equal(t, "too_long", results[1].Errors[0].Code)
	require.Equal(t, "encoding", results[2].Errors[0].Code)
	require.Equal(t, "unclosed_quote", results[3].Errors[0].Code)
	require.False(t, sum.Incomplete)
	a, _ := get(t, s, "/v1/products/a", s.Bearer(t, drafts))
	require.Equal(t, "A", a.Variants[0].SKU, "its later lines have not replaced it")

	for _, query := range []string{"?currency=usd", "?currency=", "?format=x"} {
		refused(t, s.Do(t, "POST", "/v1/products:import"+query, "Handle,Title\n", s.Bearer(t, write), header("Content-Type", "text/csv")), 422)
	}
	refused(t, s.Do(t, "POST", "/v1/products:import?currency=USD", "{}", s.Bearer(t, write)), 422)
	require.True(t, bytes.Contains(s.Do(t, "POST", "/v1/products:import?dry_run=true&currency=JPY", "Handle,Title,Variant SKU,Variant Price\nyen,Yen,Y,1299.00\nyen-2,Yen,Y-2,12.5\n",
		s.Bearer(t, write), header("Content-Type", "text/csv")).Body, []byte(`"created":1,"updated":0,"unchanged":0,"failed":1`)))
}
