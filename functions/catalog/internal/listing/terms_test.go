package listing

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEveryNumberOfARangeIsInOneOfItsOctaves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1000, 1000), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.Inf(-1), math.Inf(1), 1, -1, 5e-324}))
		low, high := number.Draw(t, "low"), number.Draw(t, "high")
		if low > high {
			low, high = high, low
		}
		n := min(max(number.Draw(t, "n"), low), high)
		terms := octaveTerms("weight", low, high)
		require.Contains(t, terms, octaveTerm("weight", octave(n)))
		require.LessOrEqual(t, len(terms), 2*(lastOctave-firstOctave+1)+1, "a range is a run of few terms")
	})
}

func TestWhatIsPackedIsUnpackedAsItWas(t *testing.T) {
	t.Parallel()
	part := func(t *rapid.T, name string, size int) []byte {
		return make([]byte, size*rapid.IntRange(0, 3).Draw(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		p := packed{
			featured: rapid.Bool().Draw(t, "featured"), alone: rapid.Bool().Draw(t, "alone"),
			published: rapid.Int64().Draw(t, "published"), from: rapid.Int64().Draw(t, "from"), until: rapid.Int64().Draw(t, "until"),
			facts: part(t, "facts", factSize), numbers: part(t, "numbers", numberSize), options: part(t, "options", optionSize),
			offers: part(t, "offers", offerSize), variants: part(t, "variants", variantSize),
		}
		b := p.pack()
		got, err := unpack(b)
		require.NoError(t, err)
		require.Equal(t, p, got)
		_, err = unpack(b[:rapid.IntRange(0, headSize-1).Draw(t, "cut")])
		require.ErrorIs(t, err, errPacked)
	})
}
