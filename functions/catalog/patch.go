package main

import (
	"encoding/json"

	"github.com/mallhive/product-service/shared/fault"
)

// patched applies a JSON Merge Patch (RFC 7396) to a document.
func patched(document any, patch []byte) ([]byte, error) {
	var change any
	if err := json.Unmarshal(patch, &change); err != nil {
		return nil, fault.New(fault.Malformed, "malformed", "a merge patch is one JSON object")
	}
	if _, isObject := change.(map[string]any); !isObject {
		return nil, fault.New(fault.Malformed, "malformed", "a merge patch is one JSON object")
	}
	before, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var target any
	if err := json.Unmarshal(before, &target); err != nil {
		return nil, err
	}
	return json.Marshal(merge(target, change))
}

func merge(target, patch any) any {
	changes, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	merged, isObject := target.(map[string]any)
	if !isObject {
		merged = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = merge(merged[name], value)
	}
	return merged
}
