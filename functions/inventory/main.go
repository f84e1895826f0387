// Command inventory knows the stock: it answers what is available, locks it
// for orders, sells it when they are paid and takes it back when they are not.
package main

import (
	"os"
	"time"

	"github.com/mallhive/product-service/functions/inventory/internal/reservation"
	"github.com/mallhive/product-service/shared/money"
	"github.com/mallhive/product-service/shared/postgres"
	"github.com/mallhive/product-service/shared/service"
)

type config struct {
	service.Config
	service.EventConfig

	DefaultCurrency   string        `envconfig:"DEFAULT_CURRENCY" default:"USD" desc:"currency of prices when a request names none"`
	ReservationTTL    time.Duration `envconfig:"RESERVATION_TTL" default:"15m" desc:"how long a lock holds when its order does not say"`
	ReservationMaxTTL time.Duration `envconfig:"RESERVATION_MAX_TTL" default:"24h" desc:"how long a lock may hold at most"`
	LockMaxWait       time.Duration `envconfig:"LOCK_MAX_WAIT" default:"2s" desc:"how long an order waits until its decision begins; one that would wait for longer is answered with 503"`
}

// Check finds what cannot be used.
func (c *config) Check() error {
	if _, known := money.Exponent(c.DefaultCurrency); !known {
		return service.Wrong("DEFAULT_CURRENCY", "an ISO 4217 code such as USD")
	}
	if c.ReservationTTL < time.Second || c.ReservationTTL > c.ReservationMaxTTL {
		return service.Wrong("RESERVATION_TTL", "a duration from 1s to RESERVATION_MAX_TTL")
	}
	if c.ReservationMaxTTL > 90*24*time.Hour {
		return service.Wrong("RESERVATION_MAX_TTL", "a duration up to 2160h")
	}
	if c.LockMaxWait < 10*time.Millisecond || c.LockMaxWait > 10*time.Second {
		return service.Wrong("LOCK_MAX_WAIT", "a duration from 10ms to 10s")
	}
	return c.EventConfig.Check()
}

func (c *config) rules() reservation.Rules {
	return reservation.Rules{TTL: c.ReservationTTL, MaxTTL: c.ReservationMaxTTL}
}

// Planning is that of a function that finds everything by SKU or by order.
func (*config) Planning() postgres.Planning { return postgres.ByIndex }

func main() {
	os.Exit(service.Main("inventory", "stock, availability, reservations", new(config), routes))
}
