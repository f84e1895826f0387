package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/mallhive/product-service/knative/local/client"
)

// pen writes the story down, in colour on a terminal.
type pen struct {
	out    io.Writer
	colour bool
}

func newPen(out io.Writer) pen { return pen{out: out, colour: client.IsTerminal(out)} }

func (p pen) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p pen) heading(number int, title string) {
	_, _ = fmt.Fprintf(p.out, "\n%s\n", p.paint("1;36", fmt.Sprintf("%d. %s", number, title)))
}

func (p pen) request(method, path, body string) {
	_, _ = fmt.Fprintf(p.out, "  %s %s %s\n", p.paint("34", "→"), p.paint("1", method+" "+path), p.paint("2", body))
}

func (p pen) reply(status int, text string) {
	code := "32"
	if status >= 400 {
		code = "33"
	}
	_, _ = fmt.Fprintf(p.out, "  %s %s %s\n", p.paint("34", "←"), p.paint(code, fmt.Sprint(status)), text)
}

func (p pen) sent(e client.Event, data string) {
	_, _ = fmt.Fprintf(p.out, "  %s %s %s %s\n", p.paint("35", "⇒ event"), p.paint("1", e.Type), e.Subject, p.paint("2", data))
}

func (p pen) received(by string, e client.Received) {
	_, _ = fmt.Fprintf(p.out, "  %s %s %s %s %s\n", p.paint("35", "⇐ event"), p.paint("1", e.Type), e.Subject,
		p.paint("2", shorten(e.Data, 260)), p.paint("35", "("+by+" stand-in)"))
}

func (p pen) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, "    %s\n", fmt.Sprintf(format, args...))
}

func (p pen) failure(err error) {
	_, _ = fmt.Fprintf(p.out, "  %s %v\n", p.paint("1;31", "✗ not as told:"), err)
}

func (p pen) end(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, "\n%s\n", p.paint("1;32", "✓ "+fmt.Sprintf(format, args...)))
}

// shorten shows JSON on one line, as people write it, cut where it gets long.
func shorten(body []byte, most int) string {
	text := strings.TrimSpace(string(body))
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil {
		text = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(compact.String())
	}
	if cut := []rune(text); len(cut) > most {
		return string(cut[:most]) + "…"
	}
	return text
}

func money(m amount) string {
	return fmt.Sprintf("%d.%02d %s", m.Amount/100, m.Amount%100, m.Currency)
}
