package listing

// effort is how much is read in which way. Whatever it is, a result is the same
// up to what is counted exactly; tests take small ones, so that few products go
// all the ways that a million go.
type effort struct {
	// exact is how many matches are counted.
	exact int
	// first candidates are read at once where matches are counted: as many as are
	// counted exactly, and some that do not match.
	first int
	// few are read at once where a page is wanted and may be all there is.
	few int
	// while is how many products a walk passes before a page that is not full is
	// sought in another way; step is the most that it passes at once.
	while, step int
	// categories that are more are too many to be looked up in one index of
	// terms: each is a list to be merged. The judge tells them apart at no cost.
	categories int
	// whole is how many products a category may have to be scanned for a page alone.
	whole int
	// small is how many it may have to be scanned to its end whatever is selected
	// in it; of more, sample products tell what is quicker.
	small, sample int
	// numbers in bounds that are not more are looked up one by one, else by octaves.
	numbers int
}

// MaxExact is how many matches are counted exactly.
const MaxExact = 10_000

// usual was measured with a million products.
func usual() effort {
	return effort{exact: MaxExact, first: 12_000, few: 1000, while: 2000, step: 4000, categories: 64, whole: 4000, small: 12_000, sample: 4000, numbers: 24}
}
