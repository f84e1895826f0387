// Package money is amounts in integer minor units of ISO 4217 currencies:
// 1999 USD is 19.99 dollars, 1999 JPY is 1999 yen, 1999 KWD is 1.999 dinars.
package money

import (
	"strconv"
	"strings"
)

// Max is the largest amount that is accepted, small enough that a sum of many
// never overflows.
const Max = 1_000_000_000_000_000

// Money is an amount in minor units.
type Money struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"1000000000000000" doc:"Integer minor units of the currency (ISO 4217 exponent): 1999 USD is 19.99" example:"1999"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217 code of a currency in use: no metals, no test codes" example:"USD"`
}

// Decimal writes the amount in major units, with exactly as many decimals as
// the currency has: 19.99, 1999, 1.999.
func (m Money) Decimal() string {
	exponent, _ := Exponent(m.Currency)
	digits := strconv.FormatInt(m.Amount, 10)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if exponent == 0 {
		return sign + digits
	}
	if missing := exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - exponent
	return sign + digits[:point] + "." + digits[point:]
}

// Exponent is how many decimals the currency has; false when ISO 4217 lists
// no such currency in use for payments.
func Exponent(currency string) (int, bool) {
	if len(currency) != 3 {
		return 0, false
	}
	for _, group := range [...]struct {
		exponent int
		codes    string
	}{{2, twoDecimals}, {0, noDecimals}, {3, threeDecimals}, {4, fourDecimals}} {
		for codes := group.codes; len(codes) >= 3; {
			if codes[:3] == currency {
				return group.exponent, true
			}
			codes = strings.TrimPrefix(codes[3:], " ")
		}
	}
	return 0, false
}

// ISO 4217 active codes by minor unit. Metals, test codes and units without a
// minor unit (XAU, XTS, XXX and the like) are not money one can charge.
const (
	twoDecimals = "USD EUR GBP " +
		"AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB FJD FKP GEL GHS GIP GMD GTQ GYD " +
		"HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT " +
		"MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB " +
		"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USN UYU UZS " +
		"VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
	noDecimals    = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	threeDecimals = "BHD IQD JOD KWD LYD OMR TND"
	fourDecimals  = "CLF UYW"
)
