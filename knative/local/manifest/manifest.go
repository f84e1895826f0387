// Package manifest reads the files under knative/ that are applied to a
// cluster: environment and image of each function, the broker, its Triggers,
// the ping source and the ingress paths. What runs locally is what ships.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Stack is what the manifests describe.
type Stack struct {
	Functions []Function
	Migrate   string // import path of the migration program
	Broker    Broker
	Triggers  []Trigger
	Pings     []Ping
	Routes    []Route
}

// Function is one Knative Service.
type Function struct {
	Name      string
	Namespace string
	Package   string // import path that ko builds
	Env       []Variable
}

// Variable is one entry of a container's environment.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Host is the function's name inside the cluster.
func (f Function) Host() string { return serviceHost(f.Name, f.Namespace) }

// Value of a variable, or nothing.
func (f Function) Value(name string) string {
	for _, v := range f.Env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// Read reads every manifest in dir. Kinds that mean nothing on one machine,
// such as service accounts, are passed over.
func Read(dir string) (*Stack, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("manifests: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("manifests: no *.yaml in %s; run this in the repository's root", dir)
	}
	s := &Stack{}
	var objects []object
	for _, file := range files {
		found, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("manifests: %s: %w", filepath.Base(file), err)
		}
		objects = append(objects, found...)
	}
	for _, o := range objects {
		if err := s.add(o); err != nil {
			return nil, fmt.Errorf("manifests: %s: %s %s: %w", o.file, o.Kind, o.Metadata.Name, err)
		}
	}
	return s, s.complete()
}

// object is one document of a file, its spec still to be read.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
	file string
}

func readFile(file string) ([]object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, document := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		o := object{file: filepath.Base(file)}
		if err := yaml.Unmarshal(document, &o); err != nil {
			return nil, err
		}
		if o.Kind != "" {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

func (s *Stack) add(o object) error {
	group, _, _ := strings.Cut(o.APIVersion, "/")
	switch group + "/" + o.Kind {
	case "serving.knative.dev/Service":
		return s.addFunction(o)
	case "batch/Job":
		return s.addMigration(o)
	case "eventing.knative.dev/Broker":
		return s.addBroker(o)
	case "eventing.knative.dev/Trigger":
		return s.addTrigger(o)
	case "sources.knative.dev/PingSource":
		return s.addPing(o)
	case "networking.k8s.io/Ingress":
		return s.addRoutes(o)
	}
	return nil
}

// complete checks what spans files and puts things into a fixed order.
func (s *Stack) complete() error {
	if len(s.Functions) == 0 || s.Broker.Name == "" || s.Migrate == "" {
		return errors.New("manifests: a Knative Service, a Broker and the migration Job are needed")
	}
	slices.SortFunc(s.Functions, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	for i := range s.Triggers {
		t := &s.Triggers[i]
		if t.broker != s.Broker.Name || t.Namespace != s.Broker.Namespace {
			return fmt.Errorf("manifests: Trigger %s names the Broker %s/%s, which is not here", t.Name, t.Namespace, t.broker)
		}
		if t.Delivery == nil {
			t.Delivery = s.Broker.Delivery
		}
	}
	return nil
}

// podSpec is the part of a pod template that is read.
type podSpec struct {
	Template struct {
		Spec struct {
			Containers []struct {
				Image string     `json:"image"`
				Env   []Variable `json:"env"`
			} `json:"containers"`
		} `json:"spec"`
	} `json:"template"`
}

func (o object) container() (image string, env []Variable, err error) {
	var spec podSpec
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return "", nil, err
	}
	if len(spec.Template.Spec.Containers) != 1 {
		return "", nil, errors.New("exactly one container is expected")
	}
	c := spec.Template.Spec.Containers[0]
	path, ok := strings.CutPrefix(c.Image, "ko://")
	if !ok {
		return "", nil, fmt.Errorf("image %q is not ko://PACKAGE", c.Image)
	}
	return path, c.Env, nil
}

// ofAnyMachine leaves out where a pod tells its metrics: the port is one pod's, and
// here it would be all functions'.
func ofAnyMachine(env []Variable) []Variable {
	return slices.DeleteFunc(env, func(v Variable) bool { return strings.HasPrefix(v.Name, "OTEL_") })
}

func (s *Stack) addFunction(o object) error {
	path, env, err := o.container()
	if err != nil {
		return err
	}
	s.Functions = append(s.Functions, Function{Name: o.Metadata.Name, Namespace: o.Metadata.Namespace, Package: path, Env: ofAnyMachine(env)})
	return nil
}

func (s *Stack) addMigration(o object) error {
	path, _, err := o.container()
	s.Migrate = path
	return err
}
