package client

import (
	"io"
	"os"
)

// IsTerminal reports whether out is a terminal: progress is drawn and colours
// are used only there.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
