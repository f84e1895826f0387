package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// result is one answer; status 0 is none.
type result struct {
	status     int
	body       []byte
	reply      *event.Event
	retryAfter time.Duration
	err        error
}

func (r result) ok() bool { return r.err == nil && r.status >= 200 && r.status < 300 }

func newClient(concurrency int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 4 * concurrency,
			IdleConnTimeout:     90 * time.Second,
		},
		// A redirect is a failure, as it is to Knative's sender.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send makes one attempt, in binary mode.
func (b *Broker) send(ctx context.Context, subject string, to Destination, e event.Event) result {
	request, err := b.request(ctx, subject, to, e)
	if err != nil {
		return result{err: err}
	}
	response, err := b.client.Do(request)
	if err != nil {
		return result{err: err}
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, maxEventBytes)
		_ = response.Body.Close()
	}()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorData))
		return result{status: response.StatusCode, body: body, retryAfter: retryAfter(response)}
	}
	return judge(ctx, response)
}

func (b *Broker) request(ctx context.Context, subject string, to Destination, e event.Event) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("deliver to %s: %w", to.URL, err)
	}
	if err := cehttp.WriteRequest(binding.WithForceBinary(ctx), binding.ToMessage(&e), request); err != nil {
		return nil, fmt.Errorf("deliver %s: %w", e.ID(), err)
	}
	request.Header.Set("Prefer", "reply")
	if parent, ok := e.Extensions()["traceparent"].(string); ok {
		request.Header.Set("Traceparent", parent)
	}
	token, err := b.tokens.get(subject, to.Audience)
	if err != nil {
		return nil, fmt.Errorf("token for %s: %w", to.Audience, err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// judge reads a 2xx: empty, or one CloudEvent; anything else is a failed
// delivery, which Knative turns into a 502.
func judge(ctx context.Context, response *http.Response) result {
	message := cehttp.NewMessageFromHttpResponse(response)
	if message.ReadEncoding() == binding.EncodingUnknown {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorData))
		if err == nil && len(body) == 0 {
			return result{status: response.StatusCode}
		}
		return result{status: http.StatusBadGateway, body: body,
			err: errors.New("the answer is neither empty nor a CloudEvent")}
	}
	reply, err := binding.ToEvent(ctx, message)
	if err == nil {
		err = reply.Validate()
	}
	if err != nil {
		return result{status: http.StatusBadGateway, err: fmt.Errorf("the reply is not a valid CloudEvent: %w", err)}
	}
	return result{status: response.StatusCode, reply: reply}
}

// retryAfter is honoured with 429 and 503 only.
func retryAfter(response *http.Response) time.Duration {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
