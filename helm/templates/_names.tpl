{{/* Names and labels. Functions keep their own names: other services know them. */}}

{{- define "product-service.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What stands in common, and what the function says itself: a dict of root and name. */}}
{{- define "product-service.function" -}}
{{- mergeOverwrite (deepCopy .root.Values.common) (deepCopy (get .root.Values.functions .name)) | toYaml -}}
{{- end -}}

{{- define "product-service.selector" -}}
app.kubernetes.io/part-of: {{ .root.Values.partOf }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{/* Without version and chart: a new release must not make new revisions of what it does not change. */}}
{{- define "product-service.podLabels" -}}
app.kubernetes.io/name: {{ include "product-service.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{ include "product-service.selector" . }}
{{- end -}}

{{- define "product-service.labels" -}}
{{ include "product-service.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{/* The labels of what belongs to no function. */}}
{{- define "product-service.sharedLabels" -}}
app.kubernetes.io/name: {{ include "product-service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: {{ .Values.partOf }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "product-service.registry" -}}
{{- default (printf "%s.dkr.ecr.%s.amazonaws.com" .Values.aws.accountId .Values.aws.region) .Values.image.registry -}}
{{- end -}}

{{/* A dict of root, name and image. A digest wins over a tag: Knative need not ask the registry what a tag means. */}}
{{- define "product-service.image" -}}
{{- $repository := printf "%s/%s" (include "product-service.registry" .root) .root.Values.image.repository -}}
{{- if .image.reference -}}
{{- .image.reference -}}
{{- else if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default (printf "%s-%s" .name .root.Chart.AppVersion) .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "product-service.roleArn" -}}
{{- default (printf "arn:aws:iam::%s:role/product-service-%s" .root.Values.aws.accountId .name) .roleArn -}}
{{- end -}}

{{- define "product-service.publicBaseUrl" -}}
{{- default (printf "https://%s" .Values.ingress.host) .Values.config.publicBaseUrl -}}
{{- end -}}

{{- define "product-service.sink" -}}
{{- if .Values.eventing.sink -}}
{{- .Values.eventing.sink -}}
{{- else if include "product-service.eventing" . -}}
{{- $class := lower .Values.eventing.broker.class -}}
{{- printf "http://%sbroker-ingress.knative-eventing.svc.cluster.local/%s/%s" (ternary "kafka-" "" (eq $class "kafka")) .Release.Namespace .Values.eventing.broker.name -}}
{{- end -}}
{{- end -}}

{{- define "product-service.purpose" -}}
{{- get (dict
  "catalog" "products, categories, attributes, prices, search and import."
  "inventory" "stock, availability and reservations; receives the order events."
  "events" "interactions in, outbox out, dead letters.") . -}}
{{- end -}}

{{/* Whether Broker, Triggers and what belongs to them are made: where Knative is,
unless eventing.enabled says otherwise. */}}
{{- define "product-service.eventing" -}}
{{- if kindIs "bool" .Values.eventing.enabled -}}
{{- if .Values.eventing.enabled -}}true{{- end -}}
{{- else if eq .Values.runtime "knative" -}}true{{- end -}}
{{- end -}}

{{- define "product-service.issuers" -}}
{{- concat .Values.auth.issuers (list .Values.auth.clusterIssuer) | compact | toYaml -}}
{{- end -}}
