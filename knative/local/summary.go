package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// summary says what runs where and how to begin.
func (s *stack) summary(took time.Duration) {
	ports := s.settings.ports
	front, brokerURL := address(ports.front), address(ports.broker)+"/"+s.manifest.Broker.Namespace+"/"+s.manifest.Broker.Name
	s.say("\nready after %s\n", took.Round(100*time.Millisecond))
	row := func(what, where, note string) { s.say("  %-12s %-48s %s", what, where, note) }
	row("front door", front, "routes by path, as the load balancer does")
	if s.balancer != nil {
		row("inventory", address(ports.function["inventory"]), "shares requests out over its instances")
	}
	for _, in := range s.instances {
		row(in.name, address(in.port), "log: "+relative(s.logOf(in)))
	}
	row("broker", brokerURL, "CloudEvents; "+address(ports.broker)+"/stats, log: "+relative(s.settings.path("log", "broker.log")))
	row("neighbours", address(ports.sinks)+"/{analytics,recommendation,order}/received", "what they got (?type=&subject=)")
	row("issuer", address(ports.issuer), "tokens for this machine only")
	if s.postgres != nil {
		row("PostgreSQL", "localhost:"+strconv.Itoa(ports.postgres), s.postgres.Version+", data: "+relative(s.postgres.DataDir)+" (make psql)")
	} else {
		row("PostgreSQL", "DATABASE_URL", "a server of yours (make psql)")
	}
	s.say(`
Try (make demo tells the whole story):

  # browse, search, one product
  curl -s '%[1]s/v1/categories'
  curl -s '%[1]s/v1/products?limit=3&facets=true'
  curl -s '%[1]s/v1/products?q=kettle'

  # a token for writing; a product of yours, and ten of it
  TOKEN=$(make -s token SCOPE='catalog:write inventory:write inventory:lock')
  MINE=MINE-$(date +%%s)
  curl -s '%[1]s/v1/products' -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"name":"My product","status":"active","variants":[{"sku":"'$MINE'","price":{"amount":1999,"currency":"USD"}}]}'
  curl -s -X PUT "%[1]s/v1/stock/$MINE/locations/main" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"on_hand":10}'

  # how much is there, and is it orderable
  SKU=$(curl -s '%[1]s/v1/products?in_stock=true&limit=1' | grep -o '"sku":"[^"]*"' | head -n 1 | cut -d '"' -f 4)
  curl -s -H "Authorization: Bearer $TOKEN" "%[1]s/v1/stock/$SKU"
  curl -s '%[1]s/v1/availability' -H 'Content-Type: application/json' \
    -d '{"currency":"USD","lines":[{"sku":"'$SKU'","quantity":1}]}'

  # an order, as the order service sends it, and the reply it gets
  ORDER=order-$(date +%%s)
  curl -si '%[2]s' -H 'Content-Type: application/json' -H 'Ce-Specversion: 1.0' \
    -H 'Ce-Type: com.mallhive.order.placed.v1' -H 'Ce-Source: /order-service' -H "Ce-Id: $ORDER-placed" -H "Ce-Subject: $ORDER" \
    -d '{"order_id":"'$ORDER'","lines":[{"sku":"'$SKU'","quantity":1}]}'
  curl -s "%[3]s/order/received?subject=$ORDER&wait=5s"

  # somebody looked at a product; analytics hears of it
  curl -s '%[1]s/v1/interactions' -H 'Content-Type: application/json' \
    -d '{"interactions":[{"id":"'$(date +%%s)'","type":"view","sku":"'$SKU'","session_id":"s1","occurred_at":"'$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)'","consent":true}]}'
  curl -s '%[3]s/analytics/received?limit=1&wait=5s'

Ctrl-C stops everything and keeps the data.
`, front, brokerURL, address(ports.sinks))
}

func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if r, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(r, "..") {
		return r
	}
	return path
}
