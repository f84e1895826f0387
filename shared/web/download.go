package web

import (
	"bufio"
	"net/http"
	"strconv"
	"time"
)

// CountTrailer is sent behind a download that is whole: how many items it has.
// One that is cut has no end to its chunks either, which every client reports.
const CountTrailer = "X-Items"

// Download is a streamed answer that lasts as long as its reader keeps reading.
type Download struct {
	out     *bufio.Writer
	header  http.Header
	control *http.ResponseController
}

// OpenDownload begins one. A browser saves it under the name.
func OpenDownload(w http.ResponseWriter, contentType, name string) *Download {
	d := &Download{out: bufio.NewWriterSize(w, 64<<10), header: w.Header(), control: http.NewResponseController(w)}
	d.header.Set("Content-Type", contentType)
	d.header.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	d.header.Set("Cache-Control", PrivateCache)
	d.header.Set("Trailer", CountTrailer)
	d.extend()
	w.WriteHeader(http.StatusOK)
	return d
}

func (d *Download) extend() { _ = d.control.SetWriteDeadline(time.Now().Add(streamIdle)) }

// Write adds to the answer; what has gathered goes out by itself.
func (d *Download) Write(p []byte) (int, error) { return d.out.Write(p) }

// Flush sends what was written, and gives the reader time for it.
func (d *Download) Flush() error {
	d.extend()
	if err := d.out.Flush(); err != nil {
		return err
	}
	return d.control.Flush()
}

// Done says that all is sent.
func (d *Download) Done(items int) { d.header.Set(CountTrailer, strconv.Itoa(items)) }

// Cut ends the answer so that nobody takes it for a whole one.
func (d *Download) Cut() { panic(http.ErrAbortHandler) }
