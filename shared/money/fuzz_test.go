package money_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/money"
)

func FuzzDecimal(f *testing.F) {
	f.Add(int64(1999), "USD")
	f.Add(int64(-9223372036854775808), "KWD")
	f.Add(int64(0), "JPY")
	f.Add(int64(5), " US")
	f.Fuzz(func(t *testing.T, amount int64, currency string) {
		text := money.Money{Amount: amount, Currency: currency}.Decimal()
		exponent, known := money.Exponent(currency)
		require.True(t, known || exponent == 0)
		whole, decimals, point := strings.Cut(text, ".")
		require.Equal(t, exponent > 0, point, text)
		require.Len(t, decimals, exponent, text)
		require.NotEmpty(t, strings.TrimPrefix(whole, "-"), text)
	})
}
