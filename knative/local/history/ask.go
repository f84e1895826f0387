package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
)

// ErrContradiction means that a message got two different replies.
var ErrContradiction = errors.New("two replies contradict each other")

func (p *player) sku(n int) string { return fmt.Sprintf("%s-%d", p.name, n) }

type answer struct {
	status int
	header http.Header
	body   []byte
}

// send asks any instance; no answer, or one that says to come again, is nil.
func (p *player) send(ctx context.Context, method, path string, body any, headers ...string) (*answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	instance := p.Instances[rand.IntN(len(p.Instances))]
	request, err := http.NewRequestWithContext(ctx, method, instance.URL+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	token := instance.Staff
	if path == "/" {
		token = instance.Broker
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := p.HTTP.Do(request)
	if err != nil {
		return nil, ctx.Err()
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, ctx.Err()
	}
	later := response.StatusCode == http.StatusServiceUnavailable && !bytes.Contains(read, []byte(`"order_not_arrived"`)) ||
		response.StatusCode == http.StatusConflict && bytes.Contains(read, []byte(`"in_progress"`))
	if later || response.StatusCode == http.StatusBadGateway {
		return nil, nil
	}
	return &answer{response.StatusCode, response.Header, read}, nil
}

func (a *answer) surprise(in any) error {
	return fmt.Errorf("%v was answered %d %s", in, a.status, a.body)
}

type stockDocument struct {
	SKU       string `json:"sku"`
	OnHand    int32  `json:"on_hand"`
	Reserved  int32  `json:"reserved"`
	Available int32  `json:"available"`
}

func (p *player) take(out *output, d stockDocument) error {
	for sku := range p.shape.SKUs {
		if p.sku(sku) == d.SKU {
			out.OnHand[sku], out.Available[sku] = d.OnHand, d.Available
		}
	}
	if left := d.OnHand - d.Reserved; d.Available < left || d.Available > left && !p.shape.Expiring {
		return fmt.Errorf("%+v does not add up", d)
	}
	return nil
}

// look reads all SKUs of the shelf in one request, which is one moment.
func (p *player) look(ctx context.Context) (output, bool, error) {
	skus := make([]string, p.shape.SKUs)
	for i := range skus {
		skus[i] = p.sku(i)
	}
	a, err := p.send(ctx, http.MethodPost, "/v1/stock:lookup", map[string]any{"skus": skus})
	if a == nil {
		return output{}, false, err
	}
	var page struct {
		Items []stockDocument `json:"items"`
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &page) != nil || len(page.Items) != len(skus) {
		return output{}, false, a.surprise(skus)
	}
	out := output{Kind: stands}
	for _, d := range page.Items {
		if err := p.take(&out, d); err != nil {
			return out, false, err
		}
	}
	return out, true, nil
}

func (p *player) countAt(ctx context.Context, location string, sku, n int, condition string) (output, bool, error) {
	a, err := p.send(ctx, http.MethodPut, "/v1/stock/"+p.sku(sku)+"/locations/"+location,
		map[string]any{"on_hand": n}, condition, "*")
	if a == nil {
		return output{}, false, err
	}
	var d stockDocument
	if a.status > http.StatusCreated || json.Unmarshal(a.body, &d) != nil {
		return output{}, false, a.surprise(p.sku(sku))
	}
	out := output{Kind: stands}
	err = p.take(&out, d)
	return out, true, err
}

// change asks for an adjustment or a transfer, under a key of its own.
func (p *player) change(ctx context.Context, in input) (output, bool, error) {
	n := in.Lines[in.SKU]
	verb, body := "adjustments", map[string]any{"location": p.Locations[0], "delta": n, "reason": "history"}
	if in.What == move {
		verb, body = "transfers", map[string]any{"from": p.Locations[0], "to": p.Locations[1], "quantity": n}
	}
	a, err := p.send(ctx, http.MethodPost, "/v1/stock/"+p.sku(in.SKU)+"/"+verb, body,
		"Idempotency-Key", fmt.Sprintf("%s-%s-%d", p.name, verb, in.Order))
	if a == nil {
		return output{}, false, err
	}
	if a.status == http.StatusConflict {
		return output{Kind: conflicts}, true, nil
	}
	var d stockDocument
	if a.status != http.StatusOK || json.Unmarshal(a.body, &d) != nil {
		return output{}, false, a.surprise(verb)
	}
	out := output{Kind: stands}
	err = p.take(&out, d)
	return out, true, err
}

// letExpire lets an order's time be over.
func (p *player) letExpire(ctx context.Context, in input) (output, bool, error) {
	held, err := p.Expire(ctx, p.order(in.Order))
	if held {
		return output{Kind: ranOut}, err == nil, err
	}
	return output{Kind: conflicts}, err == nil, err
}

func (p *player) order(n int) string { return fmt.Sprintf("%s-%d", p.name, n) }

// deliver brings a message as the broker does.
func (p *player) deliver(ctx context.Context, in input) (output, bool, error) {
	id := p.order(in.Order)
	step := [...]string{place: "placed", pay: "paid", cancel: "cancelled", giveBack: "returned"}[in.What]
	data := map[string]any{"order_id": id}
	switch in.What {
	case place:
		data["lines"] = p.lines(in.Lines)
	case giveBack:
		data["lines"], data["restock"] = p.lines(in.Part), in.Restock
	case cancel:
		data["reason"] = "history"
	default:
	}
	message := fmt.Sprintf("%s-%s-%d", id, step, in.Message)
	a, err := p.send(ctx, http.MethodPost, "/", data, "Ce-Specversion", "1.0", "Ce-Id", message,
		"Ce-Type", "com.mallhive.order."+step+".v1", "Ce-Source", "/order-service", "Ce-Subject", id)
	if a == nil {
		return output{}, false, err
	}
	switch a.status {
	case http.StatusServiceUnavailable:
		return output{Kind: waits}, true, nil
	case http.StatusUnprocessableEntity:
		return output{Kind: conflicts}, true, nil
	case http.StatusOK:
		if err := p.compare(message, a); err != nil {
			return output{}, false, err
		}
		out, err := p.reply(in, a)
		return out, err == nil, err
	default:
		return output{}, false, a.surprise(message)
	}
}

func (p *player) lines(of amounts) []map[string]any {
	var lines []map[string]any
	for sku, n := range of {
		if n > 0 {
			lines = append(lines, map[string]any{"sku": p.sku(sku), "quantity": n})
		}
	}
	return lines
}

// compare holds a reply against the first one to the same message.
func (p *player) compare(message string, a *answer) error {
	h := a.header
	text := strings.Join([]string{h.Get("Ce-Id"), h.Get("Ce-Type"), h.Get("Ce-Time"), h.Get("Ce-Sequence"), string(a.body)}, " ")
	p.mu.Lock()
	defer p.mu.Unlock()
	first, again := p.replies[message]
	switch {
	case !again:
		p.replies[message] = text
	case first == text:
		p.history.Answers++
	default:
		return fmt.Errorf("%w: %s: %s, and before: %s", ErrContradiction, message, text, first)
	}
	return nil
}

// reply reads what the model knows of a reply.
func (p *player) reply(in input, a *answer) (output, error) {
	var d struct {
		Lines []struct {
			SKU                            string
			Committed, Returned, Available int32
		}
	}
	if err := json.Unmarshal(a.body, &d); err != nil {
		return output{}, fmt.Errorf("reply %s: %w", a.body, err)
	}
	out := output{Kind: map[string]kind{"locked": locked, "rejected": rejected, "committed": committed, "released": released,
		"returned": returned}[strings.TrimSuffix(strings.TrimPrefix(a.header.Get("Ce-Type"), "com.mallhive.inventory."), ".v1")]}
	for _, l := range d.Lines {
		for sku := range p.shape.SKUs {
			if in.What == place && p.sku(sku) == l.SKU {
				out.Free[sku] = l.Available
			}
		}
		if out.Kind > rejected {
			out.Committed += l.Committed
			out.Returned += l.Returned
		}
	}
	return out, nil
}
