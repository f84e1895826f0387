package product_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/functions/catalog/internal/product"
)

func TestACheckDigitIsVerified(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"96385074", "036000291452", "4006381333931", "10614141000415", "0095205603217", "95205603217"} {
		require.True(t, product.ValidGTIN(good), good)
	}
	for _, bad := range []string{"", "96385075", "036000291453", "4006381333932", "400638133393X", "0", "1234567", "123456789012345", "٤٠٠٦٣٨١٣٣٣٩٣١"} {
		require.False(t, product.ValidGTIN(bad), bad)
	}
}

func TestASKUIsUpTo64PlainCharacters(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "A-1_b.c~d"} {
		require.True(t, product.ValidSKU(good), good)
	}
	for _, bad := range []string{"", "a b", "a/b", "ä", "a\n", string(make([]byte, 65))} {
		require.False(t, product.ValidSKU(bad), bad)
	}
}
