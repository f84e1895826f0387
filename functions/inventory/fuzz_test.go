package main

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/fault"
	"github.com/mallhive/product-service/shared/web"
)

func FuzzImportRow(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `{"sku":"A","location":"main","on_hand":1}`, `{"sku":"A","location":"main","on_hand":1e400}`, `{"sku":"A","location":"main","on_hand":-1}`,
		`{"sku":"A\u0000","location":"main","on_hand":1,"x":2}`, `{"SKU":"A","location":"main","on_hand":9223372036854775808}`, `{"sku":"A","sku":"B"}`,
	} {
		f.Add([]byte(seed))
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schema := registry.Schema(reflect.TypeFor[countRow](), false, "")
	check := func(v any) fault.List { return web.Validate(registry, schema, v) }
	f.Fuzz(func(t *testing.T, line []byte) {
		row := readRow(check, line)
		if len(row.faults) > 0 {
			return
		}
		require.GreaterOrEqual(t, row.OnHand, int64(0))
		require.LessOrEqual(t, row.OnHand, int64(1_000_000_000))
		for _, name := range []string{row.SKU, row.Location} {
			require.True(t, name != "" && len(name) <= 64 && utf8.ValidString(name) && !strings.ContainsAny(name, "\x00 /\n"), "%q", name)
		}
	})
}
