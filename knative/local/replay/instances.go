package replay

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/mallhive/product-service/knative/local/client"
)

// requests is how many each instance of inventory took so far, by its address;
// nothing where the stack has one, or does not tell.
func requests(ctx context.Context, brokerURL string) map[string]int64 {
	at, err := url.Parse(brokerURL)
	if err != nil {
		return nil
	}
	at.Path = "/stats"
	var stats struct {
		Inventory []struct {
			Address  string
			Requests int64
		}
	}
	if client.New(at.String(), "").Get(ctx, "", &stats) != nil {
		return nil
	}
	all := map[string]int64{}
	for _, i := range stats.Inventory {
		all[i.Address] = i.Requests
	}
	return all
}

func (r *replay) printInstances(ctx context.Context) {
	now := requests(ctx, r.options.BrokerURL)
	if len(now) == 0 {
		return
	}
	var parts []string
	for _, address := range slices.Sorted(maps.Keys(now)) {
		parts = append(parts, fmt.Sprint(now[address]-r.instances[address]))
	}
	r.say("inventory: %d instances took %s requests", len(now), strings.Join(parts, ", "))
}
