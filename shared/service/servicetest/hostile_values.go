package servicetest

import (
	"strconv"
	"strings"
)

// deep is more nesting than anybody means.
const deep = 10_000

// texts are values of parameters that no honest caller sends.
func texts() []string {
	return []string{
		"", "\x00", "a\x00b", "\xff\xfe", "a\xc3", "%00", "%2e%2e%2f", "..", "' or 1=1 --", `\`, `"`, "*", "-", " ", "\t\r\n",
		"💣\u202e", "\ufeff", "null", "true", "NaN", "Infinity", "-Infinity", "infinity", "0x10", "1e9", strings.Repeat("é", 300), strings.Repeat("a", 9000),
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2024-02-30T00:00:00Z", "00000000-0000-0000-0000-000000000000", "{}", "[]",
	}
}

func numbersAsText() []string {
	return []string{"-1", "0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e400", "1e308", "0.1", "2147483648", "1_0", "+1"}
}

func stringValues() []string {
	return []string{
		`""`, `"\u0000"`, `"a\u0000b"`, "\"\xff\xfe\"", `"\ud800"`, `"` + strings.Repeat("é", 260) + `"`, `"` + strings.Repeat("a", 70_000) + `"`,
		`"' or 1=1 --\\"`, `"💣\u202e\ufeff"`, `" \u00a0 "`, "\"\x01\"", `"-1"`, `"NaN"`, `"null"`, `1`, `null`, `[]`, `{"a":1}`,
	}
}

func numberValues() []string {
	return []string{
		`-1`, `0`, `1`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `1e400`, `1e308`, `-1e308`, `0.1`, `1e15`, `1e-400`,
		`2147483648`, `-0`, `"1"`, `null`, `[]`, `true`, strings.Repeat("9", 5000),
	}
}

func timeValues() []string {
	return []string{
		`"0000-01-01T00:00:00Z"`, `"0001-01-01T00:00:00+23:59"`, `"9999-12-31T23:59:59.999999999Z"`, `"9999-12-31T23:59:59-23:59"`, `"2024-02-30T00:00:00Z"`,
		`"infinity"`, `"2024-01-01T00:00:60Z"`, `""`, `"now"`, `"2024-01-01T00:00:00.0000000000000000001Z"`, `null`, `1`,
	}
}

func structureValues() []string {
	return []string{
		`null`, `true`, `"x"`, `1`, `[]`, `{}`, `[null]`, `[[]]`, `[{}]`, `{"":null}`, `{"\u0000":"\u0000"}`,
		"[" + strings.Repeat("0,", 3000) + "0]", "[" + strings.Repeat(`"a\u0000",`, 300) + `"b"]`,
		strings.Repeat("[", deep) + strings.Repeat("]", deep),
	}
}

// valuesFor are hostile values for a place, by what it should hold.
func valuesFor(s *schema) []string {
	switch {
	case s.Format == "date-time":
		return timeValues()
	case s.is("string"):
		return stringValues()
	case s.is("integer"), s.is("number"):
		return numberValues()
	case s.is("boolean"):
		return []string{`null`, `1`, `"true"`, `[]`, `"\u0000"`}
	case s.is("array"), s.is("object"):
		return structureValues()
	}
	return append(append(stringValues(), numberValues()...), structureValues()...)
}

// wholeBodies are bodies that are wrong as a whole.
func wholeBodies() []string {
	var fields strings.Builder
	for i := range 60_000 {
		fields.WriteString(`"f` + strconv.Itoa(i) + `":1,`)
	}
	return []string{
		"", " ", "null", "true", "0", `""`, "[]", "{}", "{", "}", "[", `{"`, `{"a":`, `{"a":1}x`, `{"a":1}{"a":2}`, "\x00", "\xff\xfe{\x00}\x00", "\xef\xbb\xbf{}",
		"<xml/>", "a=b", `{"\u0000":1}`, "{\"\xff\":1}", `{"a":1,"a":2}`,
		strings.Repeat("[", deep) + strings.Repeat("]", deep), strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep),
		strings.Repeat("[", 500_000), "{" + fields.String() + `"z":1}`, "[" + strings.Repeat("{},", 100_000) + "{}]",
	}
}
