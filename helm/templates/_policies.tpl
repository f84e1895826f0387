{{/* What all policies have, and whom they judge. */}}

{{- define "product-service.policy" }}
apiVersion: policies.kyverno.io/v1
kind: NamespacedValidatingPolicy
metadata:
  name: {{ include "product-service.name" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "product-service.sharedLabels" .root | nindent 4 }}
  annotations:
    policies.kyverno.io/title: {{ .title }}
    policies.kyverno.io/description: {{ .why }}
spec:
  validationActions: [{{ .root.Values.policies.action }}]
  evaluation:
    background:
      enabled: true
{{- end }}

{{- define "product-service.workloads" }}
  matchConstraints:
    resourceRules:
      - {apiGroups: [serving.knative.dev], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [services]}
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
      - {apiGroups: [batch], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [jobs]}
  variables:
    - name: pod
      expression: object.spec.template.spec
    # Without queue-proxy in what Knative makes of a revision: its image is Knative's.
    - name: containers
      expression: >-
        variables.pod.containers.filter(c, c.name != 'queue-proxy' ||
          !object.metadata.?ownerReferences.orValue([]).exists(o, o.kind == 'Revision')) +
        variables.pod.?initContainers.orValue([])
{{- end }}
