package money_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/money"
)

func TestDecimalHasTheDecimalsOfTheCurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{1999, "USD", "19.99"},
		{5, "EUR", "0.05"},
		{0, "USD", "0.00"},
		{1999, "JPY", "1999"},
		{1999, "KWD", "1.999"},
		{7, "KWD", "0.007"},
		{12345, "CLF", "1.2345"},
		{-250, "GBP", "-2.50"},
	} {
		require.Equal(t, c.want, money.Money{Amount: c.amount, Currency: c.currency}.Decimal())
	}
}

func TestOnlyCurrenciesInUseAreKnown(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "US", "usd", "XAU", "XXX", "XTS", "DEM", "SD ", " US", "D E", "USDE"} {
		_, known := money.Exponent(code)
		require.False(t, known, code)
	}
	for _, code := range []string{"USD", "ZWG", "BIF", "XPF", "TND", "UYW", "AED", "CAD"} {
		_, known := money.Exponent(code)
		require.True(t, known, code)
	}
}
