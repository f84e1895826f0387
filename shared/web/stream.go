package web

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

const (
	// MaxRow bounds one row of a streamed import, in bytes.
	MaxRow = 256 << 10
	// streamIdle is how long a stream may stand still in either direction.
	streamIdle = 60 * time.Second
)

// Stream reads rows (lines) of a request and writes result lines while it
// reads. It is used by one goroutine.
type Stream struct {
	in      *bufio.Reader
	out     *bufio.Writer
	control *http.ResponseController
	row     int
	ended   atomic.Bool
}

// ErrRowTooLong is a row over MaxRow; the next row can still be read.
var ErrRowTooLong = errors.New("the row has more than 262144 bytes")

// OpenStream begins a streamed answer of NDJSON. Without full duplex Go would
// drop what the client sends after the first flush.
func OpenStream(w http.ResponseWriter, r *http.Request) (*Stream, error) {
	w = uncompressed(w)
	s := &Stream{
		in:      bufio.NewReaderSize(r.Body, MaxRow+2),
		out:     bufio.NewWriterSize(w, 32<<10),
		control: http.NewResponseController(w),
	}
	if r.ProtoMajor == 1 {
		if err := s.control.EnableFullDuplex(); err != nil {
			return nil, err
		}
	}
	s.extend()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	// At once: nobody on the way should wait for the first result line, which a
	// stream that tells only failures may never have.
	w.WriteHeader(http.StatusOK)
	return s, s.control.Flush()
}

// uncompressed is the writer beneath the compressing one, which would hold
// back what is flushed until it knows whether to compress.
func uncompressed(w http.ResponseWriter) http.ResponseWriter {
	switch gz := w.(type) {
	case *gzhttp.GzipResponseWriter:
		return gz.Unwrap()
	case gzhttp.GzipResponseWriterWithCloseNotify:
		return gz.Unwrap()
	}
	return w
}

func (s *Stream) extend() {
	if !s.ended.Load() { // see timedBody
		_ = s.control.SetReadDeadline(time.Now().Add(streamIdle))
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(streamIdle))
}

// Next is the next row that is not blank, and its number from 1. The bytes
// hold until the next call. io.EOF is the true end; any other error but
// ErrRowTooLong means that the body ended early.
func (s *Stream) Next() (row int, line []byte, err error) {
	for {
		if s.row%256 == 0 {
			s.extend()
		}
		line, err = s.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			s.ended.Store(true)
			_ = s.control.SetReadDeadline(time.Time{})
		}
		s.row++
		if errors.Is(err, bufio.ErrBufferFull) {
			return s.row, nil, s.skipRow()
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return s.row, nil, err
		}
		if trimmed := trimRow(line, s.row == 1); len(trimmed) > 0 {
			if len(trimmed) > MaxRow {
				return s.row, nil, ErrRowTooLong
			}
			return s.row, trimmed, nil
		}
		if err != nil {
			return s.row, nil, err
		}
	}
}

// Body is the rows as they come, for forms whose rows are not lines.
func (s *Stream) Body() io.Reader { return streamBody{s} }

type streamBody struct{ *Stream }

func (b streamBody) Read(p []byte) (int, error) {
	b.extend()
	n, err := b.in.Read(p)
	if err != nil {
		b.ended.Store(true)
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (s *Stream) skipRow() error {
	for {
		_, err := s.in.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return ErrRowTooLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

func trimRow(line []byte, first bool) []byte {
	if first && len(line) >= 3 && line[0] == 0xEF && line[1] == 0xBB && line[2] == 0xBF {
		line = line[3:]
	}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r' || line[len(line)-1] == ' ' || line[len(line)-1] == '\t') {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
	}
	return line
}

// Write adds one result line; Flush sends what was added.
func (s *Stream) Write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := s.out.Write(b); err != nil {
		return err
	}
	return s.out.WriteByte('\n')
}

// End reads away what a handler that ends early leaves unread, for a second at
// most. If net/http did it, after a full duplex handler it would take the end of
// the body for one in the handler's time, and panic at the next request.
func (s *Stream) End() {
	if s.ended.Swap(true) {
		return
	}
	_ = s.control.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, s.in)
}

// Flush sends the result lines written so far.
func (s *Stream) Flush() error {
	s.extend()
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.control.Flush()
}
