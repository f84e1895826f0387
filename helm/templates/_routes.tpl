{{/* Which paths reach which function from outside. POST / and /dead-letters are
not among them: they take events from the broker. */}}
{{- define "product-service.routes" -}}
- function: catalog
  paths: [/v1/products*, /v1/variants*, /v1/categories*, /v1/attributes*, /v1/prices*, /v1/changes*, /v1/openapi/catalog.json]
- function: inventory
  paths: [/v1/availability*, /v1/stock*, /v1/locations*, /v1/movements*, /v1/reservations*, /v1/openapi/inventory.json]
- function: events
  paths: [/v1/interactions*, /v1/resyncs*, /v1/dead-letters*, /v1/event-types*, /v1/openapi/events.json]
{{- end -}}

{{/* Ports of the addresses outside that functions are told of. */}}
{{- define "product-service.outboundPorts" -}}
{{- $ports := list "443" -}}
{{- $addresses := concat (include "product-service.issuers" . | fromYamlArray) (list .Values.aws.endpointUrl .Values.tracing.otlpEndpoint .Values.eventing.sink) -}}
{{- range $addresses -}}
{{- if . -}}
{{- $host := get (urlParse .) "host" -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- $ports = append $ports (default (ternary "80" "443" (hasPrefix "http://" .)) $port) -}}
{{- end -}}
{{- end -}}
{{- range uniq $ports }}
- {{ . }}
{{- end -}}
{{- end -}}
