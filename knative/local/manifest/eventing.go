package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mallhive/product-service/knative/local/broker"
)

// Broker is the one Broker of the stack.
type Broker struct {
	Namespace string
	Name      string
	Delivery  *deliverySpec
}

// URL is where the cluster's functions publish.
func (b Broker) URL() string {
	return "http://broker-ingress.knative-eventing.svc.cluster.local/" + b.Namespace + "/" + b.Name
}

// Trigger is one Trigger; Runnable makes it the local broker's.
type Trigger struct {
	Namespace  string
	Name       string
	Filters    []broker.Filter
	Subscriber Destination
	Delivery   *deliverySpec
	broker     string
}

// Subject is the identity that Knative gives a Trigger's deliveries: a service
// account named after it.
func (t Trigger) Subject() string {
	return "system:serviceaccount:" + t.Namespace + ":" + strings.ToLower(t.Name+"-oidc-eventing.knative.dev-Trigger")
}

// deadLetterSubject is the identity of the Subscription that a broker made of
// channels gives a Trigger, and which sends its dead letters: the beginning of
// broker, Trigger and uid, and a hash. Here the uid is not known beforehand
// either. (A Kafka broker sends them in the Trigger's own name.)
func (t Trigger) deadLetterSubject() string {
	name := t.broker + "-" + t.Name + "-"
	return "system:serviceaccount:" + t.Namespace + ":" + name[:min(len(name), 31)] + "local"
}

// Destination is a Knative destination: a reference, a URI, or a URI relative
// to a reference.
type Destination struct {
	Ref *struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		Namespace  string `json:"namespace"`
	} `json:"ref"`
	URI      string `json:"uri"`
	Audience string `json:"audience"`
}

// URL inside the cluster; namespace is that of the object it stands in.
func (d Destination) URL(namespace string) (string, error) {
	if d.Ref == nil {
		if !strings.HasPrefix(d.URI, "http://") {
			return "", fmt.Errorf("uri %q is not http://…", d.URI)
		}
		return d.URI, nil
	}
	if d.Ref.Namespace != "" {
		namespace = d.Ref.Namespace
	}
	switch d.Ref.Kind {
	case "Service":
		return "http://" + serviceHost(d.Ref.Name, namespace) + d.URI, nil
	case "Broker":
		return Broker{Namespace: namespace, Name: d.Ref.Name}.URL(), nil
	}
	return "", fmt.Errorf("a reference to a %s cannot be resolved", d.Ref.Kind)
}

func serviceHost(name, namespace string) string { return name + "." + namespace + ".svc.cluster.local" }

type deliverySpec struct {
	Retry          *int         `json:"retry"`
	BackoffPolicy  string       `json:"backoffPolicy"`
	BackoffDelay   string       `json:"backoffDelay"`
	Timeout        string       `json:"timeout"`
	RetryAfterMax  string       `json:"retryAfterMax"`
	DeadLetterSink *Destination `json:"deadLetterSink"`
}

func (s *Stack) addBroker(o object) error {
	if s.Broker.Name != "" {
		return errors.New("a second Broker")
	}
	var spec struct {
		Delivery *deliverySpec `json:"delivery"`
	}
	s.Broker = Broker{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}
	err := json.Unmarshal(o.Spec, &spec)
	s.Broker.Delivery = spec.Delivery
	return err
}

func (s *Stack) addTrigger(o object) error {
	var spec struct {
		Broker  string          `json:"broker"`
		Filters []broker.Filter `json:"filters"`
		Filter  *struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"filter"`
		Subscriber Destination   `json:"subscriber"`
		Delivery   *deliverySpec `json:"delivery"`
	}
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return err
	}
	if spec.Filter != nil {
		return errors.New("spec.filter is the old form: use spec.filters")
	}
	s.Triggers = append(s.Triggers, Trigger{
		Namespace: o.Metadata.Namespace, Name: o.Metadata.Name, broker: spec.Broker,
		Filters: spec.Filters, Subscriber: spec.Subscriber, Delivery: spec.Delivery,
	})
	return nil
}

// Runnable is the Trigger for a broker on this machine; local gives the
// address here of one in the cluster.
func (t Trigger) Runnable(local func(url string) (string, error)) (broker.Trigger, error) {
	fail := func(err error) (broker.Trigger, error) {
		return broker.Trigger{}, fmt.Errorf("trigger %s: %w", t.Name, err)
	}
	subscriber, err := t.destination(t.Subscriber, local)
	if err != nil {
		return fail(err)
	}
	delivery := broker.DefaultDelivery()
	if t.Delivery != nil {
		if delivery, err = t.delivery(*t.Delivery, local); err != nil {
			return fail(err)
		}
	}
	return broker.Trigger{Name: t.Name, Subject: t.Subject(), DeadLetter: t.deadLetterSubject(), Filters: t.Filters, Subscriber: subscriber, Delivery: delivery}, nil
}

func (t Trigger) destination(d Destination, local func(string) (string, error)) (broker.Destination, error) {
	url, err := d.URL(t.Namespace)
	if err != nil {
		return broker.Destination{}, err
	}
	url, err = local(url)
	return broker.Destination{URL: url, Audience: d.Audience}, err
}

func (t Trigger) delivery(spec deliverySpec, local func(string) (string, error)) (broker.Delivery, error) {
	d := broker.Delivery{BackoffPolicy: spec.BackoffPolicy}
	if spec.Retry != nil {
		d.Retry = *spec.Retry
	}
	var err error
	if d.BackoffDelay, err = duration(spec.BackoffDelay); err != nil {
		return d, fmt.Errorf("backoffDelay: %w", err)
	}
	if d.Timeout, err = duration(spec.Timeout); err != nil {
		return d, fmt.Errorf("timeout: %w", err)
	}
	if spec.RetryAfterMax != "" {
		var most time.Duration
		if most, err = duration(spec.RetryAfterMax); err != nil {
			return d, fmt.Errorf("retryAfterMax: %w", err)
		}
		d.RetryAfterMax = &most
	}
	if spec.DeadLetterSink != nil {
		sink, err := t.destination(*spec.DeadLetterSink, local)
		if err != nil {
			return d, fmt.Errorf("deadLetterSink: %w", err)
		}
		d.DeadLetter = &sink
	}
	return d, nil
}
