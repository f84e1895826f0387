package importer

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mallhive/product-service/knative/local/client"
)

const barWidth = 30

// progress shows how far a file is: one line that is drawn over and over on a
// terminal, a plain line every few seconds elsewhere.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	kind     string
	terminal bool
	plainAt  time.Duration
}

func newProgress(out io.Writer, kind string) *progress {
	return &progress{out: out, kind: kind, terminal: client.IsTerminal(out), plainAt: 5 * time.Second}
}

// Update shows the state; it is cheap to call often.
func (p *progress) Update(fraction float64, rows int64, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf("%3.0f%%  %d rows  %.0f rows/s", fraction*100, rows, perSecond(rows, elapsed))
	if p.terminal {
		filled := min(int(fraction*barWidth), barWidth)
		bar := strings.Repeat("█", filled) + strings.Repeat("░", barWidth-filled)
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K%-11s %s %s", p.kind, bar, text)
		return
	}
	if elapsed >= p.plainAt {
		p.plainAt = elapsed + 5*time.Second
		_, _ = fmt.Fprintf(p.out, "%-11s %s\n", p.kind, text)
	}
}

// Finish replaces the bar by what became of the file.
func (p *progress) Finish(t Tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
	_, _ = fmt.Fprintf(p.out, "%-11s %d rows in %.1f s (%s)\n", p.kind, t.Rows, t.Elapsed.Seconds(), parts(t.Parts))
}

func parts(n int) string {
	if n == 1 {
		return "1 part"
	}
	return fmt.Sprintf("%d parts", n)
}

func perSecond(rows int64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(rows) / elapsed.Seconds()
}
