{{/* Where events are delivered, and where those end that nobody took. */}}

{{- define "product-service.deadLetterSink" -}}
{{- include "product-service.subscriber" (dict "root" . "name" "events" "uri" "/dead-letters") -}}
{{- end -}}

{{/* A dict of root and name of a function. */}}
{{- define "product-service.subscriber" -}}
ref:
  apiVersion: {{ if eq .root.Values.runtime "knative" }}serving.knative.dev/v1{{ else }}v1{{ end }}
  kind: Service
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
uri: {{ .uri }}
{{- if eq .root.Values.eventing.auth "oidc" }}
audience: product-service/{{ .name }}
{{- end }}
{{- end -}}

{{- define "product-service.delivery" -}}
retry: {{ .Values.eventing.delivery.retry }}
backoffPolicy: {{ .Values.eventing.delivery.backoffPolicy }}
backoffDelay: {{ .Values.eventing.delivery.backoffDelay }}
timeout: {{ .Values.eventing.delivery.timeout }}
deadLetterSink:
  {{- include "product-service.deadLetterSink" . | nindent 2 }}
{{- end -}}
