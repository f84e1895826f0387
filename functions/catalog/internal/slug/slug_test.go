package slug_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/slug"
)

func TestATitleBecomesASlug(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Xerox 006R90321 toner cartridge":      "xerox-006r90321-toner-cartridge",
		"  Crème brûlée — set (2)  ":           "creme-brulee-set-2",
		"Intel® Core™2 Duo":                    "intel-core-2-duo",
		"Men's Straße Ø 5":                     "mens-strasse-o-5",
		"日本":                                   "",
		"0198c5a2-7c1e-7d4a-9f43-2b1f0a6d5e11": "",
		"<b>Bold</b>":                          "b-bold-b",
	} {
		got := slug.From(title)
		require.Equal(t, want, got, title)
		require.True(t, got == "" || slug.Valid(got), got)
	}
}
