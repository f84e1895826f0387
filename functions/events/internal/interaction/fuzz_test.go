package interaction

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/fault"
)

func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `{"interactions":[]}`, `{"interactions":null}`, `{"interactions":[{"type":"view","sku":"A"}]}`, `{"interactions":[null,1,{}]}`, ` { "interactions" : [{"type":"view","sku":"A","consent":true}] } `, `{"interactions":[{"type":"view","position":1},null]}`, `{"interactions":[{"type":"view"}],"interactions":[{"sku":"A"}]}`, `{"interactions":[{"type":"view"}]}}`, `{"Interactions":[]}`,
		`{"interactions":[{"type":"view","sku":"A","occurred_at":"9999-12-31T23:59:59-23:59"}]}`, `[{"specversion":"1.0","id":"1","source":"/s","type":"click","data":{"sku":"A"}}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func([]byte) ([]Entry, error){FromJSON, FromBatch} {
			entries, err := read(body)
			if err != nil {
				require.True(t, fault.Is(err, fault.Malformed) || fault.Is(err, fault.Invalid), "%v", err)
			}
			require.LessOrEqual(t, len(entries), MaxItems)
			for _, e := range entries {
				if e.Err != nil {
					require.LessOrEqual(t, len(e.Err.Error()), 1000, "input is not echoed whole")
				}
			}
		}
		if quick := allSound(body); quick != nil && len(quick) <= MaxItems {
			var members map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(body, &members))
			require.Len(t, members, 1)
			require.Equal(t, eachAlone(members["interactions"]), quick, "read in one go or one by one, it is the same")
		}
		var e event.Event
		if e.UnmarshalJSON(body) == nil {
			_ = FromEvent(e)
		}
	})
}
