package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mallhive/product-service/docs/internal/compatible"
	"github.com/mallhive/product-service/shared/event"
	"github.com/mallhive/product-service/shared/event/asyncapi"
)

// publicBaseURL is where production is; a function that runs elsewhere serves its
// documents with its own address.
const publicBaseURL = "https://product.internal.mallhive.com"

// events writes what is promised of events, and nothing when a promise that was
// made would be broken.
func events(dir string) error {
	fmt.Println("docs: event contract")
	if err := keepsPromises(filepath.Join(dir, "event-types")); err != nil {
		return err
	}
	now, err := promises()
	if err != nil {
		return err
	}
	for name, p := range now {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(p); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "event-types", name+".json"), text.Bytes(), 0o600); err != nil {
			return err
		}
	}
	document, err := asyncapi.Document(publicBaseURL)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "asyncapi", "product-service.json"), document, 0o600)
}

// promises is what the code says of each type now.
func promises() (map[string]compatible.Promise, error) {
	all := map[string]compatible.Promise{}
	for _, t := range event.Types() {
		schema, err := event.Schema(t.Name)
		if err != nil {
			return nil, err
		}
		all[t.Name] = compatible.Promise{Direction: string(t.Direction), Subject: t.Kind, Replies: t.Replies(), Schema: schema}
	}
	return all, nil
}

// keepsPromises holds the code to what was released: a file for each type.
func keepsPromises(dir string) error {
	now, err := promises()
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	var broken []error
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		was, err := promised(file)
		if err != nil {
			return err
		}
		is, there := now[name]
		if !there {
			broken = append(broken, fmt.Errorf("%s is gone, and somebody may send or await it", name))
			continue
		}
		found, err := compatible.Breaks(was, is)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, what := range found {
			broken = append(broken, fmt.Errorf("%s%s", name, what))
		}
	}
	if len(broken) > 0 {
		return fmt.Errorf("this breaks what others hold to; a new version of the type does not (CONTRIBUTING.md):\n%w", errors.Join(broken...))
	}
	return nil
}

func promised(file string) (compatible.Promise, error) {
	var p compatible.Promise
	text, err := os.ReadFile(file)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}
