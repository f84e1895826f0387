package drive

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// Median of values; there must be one.
func Median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Percentile is the value that so many in a hundred do not exceed.
func Percentile(values []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}

// Middle is the window with the median rate.
func Middle(windows []Window) Window {
	sorted := slices.SortedFunc(slices.Values(windows), func(a, b Window) int { return int(a.Rate() - b.Rate()) })
	return sorted[len(sorted)/2]
}

// MS is a duration in milliseconds.
func MS(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// Table aligns what is printed into columns.
func Table() *tabwriter.Writer {
	return tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
}
