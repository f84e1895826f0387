// Knative reads rendered manifests and says of each object of Serving and Eventing what
// Knative's own webhooks would: knative FILE….
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
	"knative.dev/eventing/pkg/apis/config"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/feature"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	strict "sigs.k8s.io/yaml"
)

type resource interface {
	apis.Defaultable
	apis.Validatable
}

// ours makes an object of each kind that the chart renders.
var ours = map[string]func() resource{
	"serving.knative.dev/v1 Service":            func() resource { return &servingv1.Service{} },
	"eventing.knative.dev/v1 Broker":            func() resource { return &eventingv1.Broker{} },
	"eventing.knative.dev/v1 Trigger":           func() resource { return &eventingv1.Trigger{} },
	"eventing.knative.dev/v1alpha1 EventPolicy": func() resource { return &eventingv1alpha1.EventPolicy{} },
	"sources.knative.dev/v1 PingSource":         func() resource { return &sourcesv1.PingSource{} },
	"sources.knative.dev/v1 SinkBinding":        func() resource { return &sourcesv1.SinkBinding{} },
}

// features are those of Eventing that its own settings switch on, and the one that
// eventing.auth=oidc wants.
var features = feature.Flags{feature.DeliveryTimeout: feature.Enabled, feature.OIDCAuthentication: feature.Enabled}

// broker is what a cluster says of brokers that say nothing of themselves.
const broker = "clusterDefault: {brokerClass: MTChannelBasedBroker, apiVersion: v1, kind: ConfigMap, name: config-br-default-channel, namespace: knative-eventing}"

func main() {
	checked, wrong := 0, 0
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(2)
		}
		n, problems := check(text)
		checked += n
		for _, problem := range problems {
			fmt.Fprintf(os.Stderr, "error: %s: %v\n", file, problem)
		}
		wrong += len(problems)
	}
	if wrong > 0 {
		os.Exit(1)
	}
	fmt.Printf("Knative has nothing to say of its %d objects\n", checked)
}

// check is how many objects of Knative there are in a manifest, and what is wrong.
func check(manifest []byte) (checked int, problems []error) {
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifest)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return checked, problems
		}
		if err != nil {
			return checked, append(problems, err)
		}
		var head struct {
			APIVersion, Kind string
			Metadata         struct{ Name string }
		}
		if err := strict.Unmarshal(document, &head); err != nil {
			return checked, append(problems, err)
		}
		kind := head.APIVersion + " " + head.Kind
		if !strings.Contains(head.APIVersion, ".knative.dev/") {
			continue
		}
		checked++
		if err := judge(kind, document); err != nil {
			problems = append(problems, fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err))
		}
	}
}

func judge(kind string, document []byte) error {
	create := ours[kind]
	if create == nil {
		return fmt.Errorf("%s is no kind that is known here", kind)
	}
	object := create()
	if err := strict.UnmarshalStrict(document, object); err != nil {
		return err
	}
	defaults, err := config.NewDefaultsConfigFromMap(map[string]string{config.BrokerDefaultsKey: broker})
	if err != nil {
		return err
	}
	ctx := config.ToContext(apis.WithinCreate(context.Background()), &config.Config{Defaults: defaults})
	ctx = feature.ToContext(ctx, features)
	object.SetDefaults(ctx)
	if problem := object.Validate(ctx); problem != nil {
		return problem
	}
	return nil
}
