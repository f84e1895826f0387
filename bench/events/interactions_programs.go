package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// programs are what this one can be besides: started anew, each has a process
// of its own, whose CPU time can be told from the others'.
func programs() map[string]func() error {
	return map[string]func() error{"bare": serveBare, "thin-broker": serveThinBroker}
}

// serveBare is what the function is measured beside: it decodes the same JSON and
// posts as many requests to the same broker, as many at once, and does nothing
// else. What it posts is an event by its four required attributes.
func serveBare() error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 128, MaxIdleConnsPerHost: 128, MaxConnsPerHost: 128}}
	sink := os.Getenv("K_SINK")
	post := func(ctx context.Context, i *item) error {
		body, err := json.Marshal(i)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, sink, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Ce-Specversion", "1.0")
		req.Header.Set("Ce-Id", i.ID)
		req.Header.Set("Ce-Source", "/bare")
		req.Header.Set("Ce-Type", i.Type)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			return fmt.Errorf("the broker answers %s", resp.Status)
		}
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/interactions", func(w http.ResponseWriter, r *http.Request) {
		var sent struct{ Interactions []item }
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := each(sent.Interactions, func(i *item) error { return post(r.Context(), i) }); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(answer{Accepted: len(sent.Interactions)})
	})
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// each does it for every item, sixteen at once, and returns a failure if there
// was one.
func each(items []item, do func(*item) error) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	failed := make(chan error, 16)
	for range min(16, len(items)) {
		workers.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(items); n = int(next.Add(1)) - 1 {
				if err := do(&items[n]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// serveThinBroker takes whatever is posted for the least that this costs, so
// that it is not what is measured. GET tells how many it has taken.
func serveThinBroker() error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	var taken atomic.Int64
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = conn.Close() }()
			in := bufio.NewReaderSize(conn, 16<<10)
			for serveOne(in, conn, &taken) == nil {
			}
		}()
	}
}

func serveOne(in *bufio.Reader, out io.Writer, taken *atomic.Int64) error {
	first, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	post := bytes.HasPrefix(first, []byte("POST "))
	length := 0
	for {
		header, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(header) <= 2 {
			break
		}
		if value, found := strings.CutPrefix(string(header), "Content-Length: "); found {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if _, err := in.Discard(length); err != nil {
		return err
	}
	if post {
		taken.Add(1)
		_, err = io.WriteString(out, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		return err
	}
	count := strconv.FormatInt(taken.Load(), 10)
	_, err = fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(count), count)
	return err
}
