package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// rowFile reads the rows of one NDJSON file, unpacking it on the way. It is
// read by one goroutine; Count and Fraction may be asked by another.
type rowFile struct {
	file   *os.File
	size   int64
	packed counter
	lines  *bufio.Reader
	ahead  []byte // the next row, already read
	err    error
	count  atomic.Int64
}

func open(path string) (*rowFile, error) {
	f, err := unpack(path)
	if err == nil {
		f.advance()
	}
	return f, err
}

// unpack opens a file whose bytes are read as they are, by Read.
func unpack(path string) (*rowFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the rows: %w", err)
	}
	f := &rowFile{file: file}
	if info, err := file.Stat(); err == nil {
		f.size = info.Size()
	}
	f.packed.Reader = file
	var unpacked io.Reader = &f.packed
	if strings.HasSuffix(path, ".gz") {
		if unpacked, err = gzip.NewReader(&f.packed); err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("unpack %s: %w", path, err)
		}
	}
	f.lines = bufio.NewReaderSize(unpacked, 1<<18)
	return f, nil
}

// Read takes bytes as they stand in the file, and counts their lines.
func (f *rowFile) Read(p []byte) (int, error) {
	n, err := f.lines.Read(p)
	f.count.Add(int64(bytes.Count(p[:n], []byte("\n"))))
	return n, err
}

// More reports whether a row is left.
func (f *rowFile) More() bool { return f.ahead != nil }

// Err is what ended the rows, if that was not the end of the file.
func (f *rowFile) Err() error { return f.err }

// Next takes the next row, with its newline. Only after More said so.
func (f *rowFile) Next() []byte {
	row := f.ahead
	f.count.Add(1)
	f.advance()
	return row
}

// advance reads ahead to the next line that is not blank.
func (f *rowFile) advance() {
	f.ahead = nil
	for f.err == nil {
		line, err := f.lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			f.err = fmt.Errorf("read row %d: %w", f.Count()+1, err)
			return
		}
		if row := bytes.TrimSpace(line); len(row) > 0 {
			f.ahead = append(row, '\n')
			return
		}
		if err != nil {
			return
		}
	}
}

// Count is how many rows were taken.
func (f *rowFile) Count() int64 { return f.count.Load() }

// Fraction is how much of the file was read, 0 to 1.
func (f *rowFile) Fraction() float64 {
	if f.size == 0 {
		return 1
	}
	return float64(f.packed.n.Load()) / float64(f.size)
}

func (f *rowFile) Close() error { return f.file.Close() }

// counter counts the bytes read through it.
type counter struct {
	io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}
