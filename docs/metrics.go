package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

const metricsHead = `# Metrics

Written by ` + "`make generate`" + ` from what each function prints with ` + "`--metrics`" + `.

The names are those that Prometheus shows; of a histogram there are ` + "`_bucket`, `_sum` and `_count`" + `.
What one is broken down by stands in its meaning; ` + "`http_server_request_duration_seconds`" + ` is by
` + "`http_route`, `http_request_method` and `http_response_status_code`" + `. Over OTLP the names have dots
and no suffixes until Prometheus translates them in the same way.
`

var columns = regexp.MustCompile(` {2,}`)

// metricsTable turns the columns of --metrics into a Markdown table.
func metricsTable(w *bytes.Buffer, function string, told []byte) {
	fmt.Fprintf(w, "\n## %s\n\n| metric | kind | meaning |\n| --- | --- | --- |\n", function)
	lines := strings.Split(strings.TrimSpace(string(told)), "\n")
	for _, line := range lines[1:] {
		cells := columns.Split(line, 3)
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", cells[0], cells[1], strings.ReplaceAll(cells[2], "|", "\\|"))
	}
}
