package drive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Line is one connection that is kept.
type Line struct {
	Number int // among those of its window

	conn net.Conn
	in   *bufio.Reader
	out  bytes.Buffer
}

// Dial opens a connection.
func Dial(ctx context.Context, address string) (*Line, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &Line{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// Close ends it.
func (l *Line) Close() { _ = l.conn.Close() }

// Get asks for a target; the body goes into body, if not nil. Any status but 200
// is an error.
func (l *Line) Get(target string, body *bytes.Buffer) error {
	l.out.Reset()
	l.out.WriteString("GET " + target + " HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\r\n")
	status, err := l.exchange(body)
	if err != nil {
		return err
	}
	if status != "200" {
		return fmt.Errorf("GET %s: status %s", target, status)
	}
	return nil
}

// Post sends a body with headers, each of which ends with CRLF, and returns the
// status; the answer's body goes into body.
func (l *Line) Post(target, headers string, sent []byte, body *bytes.Buffer) (status string, err error) {
	l.out.Reset()
	l.out.WriteString("POST " + target + " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ")
	l.out.WriteString(strconv.Itoa(len(sent)) + "\r\n" + headers + "\r\n")
	l.out.Write(sent)
	return l.exchange(body)
}

// exchange sends what was written and reads the answer.
func (l *Line) exchange(body *bytes.Buffer) (status string, err error) {
	_ = l.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := l.conn.Write(l.out.Bytes()); err != nil {
		return "", err
	}
	first, err := l.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	if len(first) < 12 {
		return "", fmt.Errorf("bad status line %q", first)
	}
	status = string(first[9:12])
	return status, l.rest(body)
}

// rest reads headers and body.
func (l *Line) rest(body *bytes.Buffer) error {
	length, chunked := int64(-1), false
	for {
		header, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(header) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(header), []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	if chunked {
		return l.chunks(body)
	}
	if length < 0 {
		return errors.New("an answer without a length")
	}
	return l.take(length, body)
}

func (l *Line) chunks(body *bytes.Buffer) error {
	for {
		head, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(head)), 16, 64)
		if err != nil {
			return err
		}
		if err := l.take(size, body); err != nil {
			return err
		}
		if _, err := l.in.Discard(2); err != nil || size == 0 {
			return err
		}
	}
}

func (l *Line) take(n int64, body *bytes.Buffer) error {
	if body == nil {
		_, err := l.in.Discard(int(n))
		return err
	}
	_, err := io.CopyN(body, l.in, n)
	return err
}
