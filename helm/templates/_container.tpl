{{/* The container of a function, alike in both runtimes. */}}

{{- define "product-service.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Requests are limits: Fargate gives no more than is asked for. */}}
{{- define "product-service.resources" -}}
requests:
  cpu: {{ .cpu }}
  memory: {{ .memory }}
limits:
  cpu: {{ .cpu }}
  memory: {{ .memory }}
{{- end -}}

{{- define "product-service.variable" }}
- name: {{ .name }}
  value: {{ .value | toString | quote }}
{{- end -}}

{{/* Where the database is and who may open it. name is the secret's. */}}
{{- define "product-service.databaseEnv" -}}
{{- $v := .root.Values -}}
{{- include "product-service.variable" (dict "name" "AWS_REGION" "value" $v.aws.region) }}
{{- with $v.aws.endpointUrl }}
{{- include "product-service.variable" (dict "name" "AWS_ENDPOINT_URL" "value" .) }}
{{- end }}
{{- include "product-service.variable" (dict "name" "DATABASE_SECRET_ID" "value" (printf "%s/%s" $v.database.secretPrefix .name)) }}
{{- with $v.database.host }}
{{- include "product-service.variable" (dict "name" "DATABASE_HOST" "value" (printf "%s:%v" . $v.database.port)) }}
{{- end }}
{{- with $v.database.name }}
{{- include "product-service.variable" (dict "name" "DATABASE_NAME" "value" .) }}
{{- end }}
{{- if $v.database.caBundle }}
{{- include "product-service.variable" (dict "name" "DATABASE_CA_FILE" "value" "/etc/database/ca.pem") }}
{{- end }}
{{- end -}}

{{- define "product-service.env" -}}
{{- $v := .root.Values -}}
{{- $f := .function -}}
{{- $receives := ne .name "catalog" -}}
{{- $env := list -}}
{{- $env = append $env (list "LOG_LEVEL" $f.logLevel) -}}
{{- $env = append $env (list "GOMEMLIMIT" $f.goMemLimit) -}}
{{- $env = append $env (list "GOGC" $f.gogc) -}}
{{- $env = append $env (list "PUBLIC_BASE_URL" (include "product-service.publicBaseUrl" .root)) -}}
{{- range $env }}
{{- include "product-service.variable" (dict "name" (index . 0) "value" (index . 1)) }}
{{- end }}
{{- include "product-service.databaseEnv" . }}
{{- $env = list (list "DATABASE_MAX_CONNS" $f.maxConns) -}}
{{- with include "product-service.sink" .root -}}
{{- $env = append $env (list "K_SINK" .) -}}
{{- end -}}
{{- with include "product-service.issuers" .root | fromYamlArray -}}
{{- $env = append $env (list "AUTH_ISSUERS" (join "," .)) -}}
{{- end -}}
{{- $env = append $env (list "AUTH_AUDIENCE" $v.auth.audience) -}}
{{- $scopes := list -}}
{{- range $subject, $allowed := $v.auth.subjectScopes -}}
{{- $scopes = append $scopes (printf "%s=%s" $subject (join " " $allowed)) -}}
{{- end -}}
{{- with $scopes -}}
{{- $env = append $env (list "AUTH_SUBJECT_SCOPES" (join "," .)) -}}
{{- end -}}
{{- if $receives -}}
{{- $env = append $env (list "EVENT_AUTH" $v.eventing.auth) -}}
{{- if eq $v.eventing.auth "oidc" -}}
{{- $env = append $env (list "EVENT_AUDIENCE" (printf "product-service/%s" .name)) -}}
{{- $env = append $env (list "EVENT_SUBJECTS" (include "product-service.eventSubjects" .)) -}}
{{- end -}}
{{- end -}}
{{- $env = append $env (list "CORS_ALLOWED_ORIGINS" (join "," $v.config.corsAllowedOrigins)) -}}
{{- if ne .name "events" -}}
{{- $env = append $env (list "DEFAULT_CURRENCY" $v.config.defaultCurrency) -}}
{{- end -}}
{{- if eq .name "catalog" -}}
{{- $env = append $env (list "STOREFRONT_URL" $v.config.storefrontUrl) -}}
{{- else if eq .name "inventory" -}}
{{- $env = append $env (list "RESERVATION_TTL" $v.config.reservationTtl) -}}
{{- $env = append $env (list "RESERVATION_MAX_TTL" $v.config.reservationMaxTtl) -}}
{{- end -}}
{{- $env = append $env (list "REQUEST_TIMEOUT" $f.requestTimeout) -}}
{{- $env = append $env (list "SHUTDOWN_TIMEOUT" $f.shutdownTimeout) -}}
{{- if $v.metrics.enabled -}}
{{- $env = append $env (list "OTEL_METRICS_EXPORTER" "prometheus") -}}
{{- $env = append $env (list "OTEL_EXPORTER_PROMETHEUS_HOST" "0.0.0.0") -}}
{{- $env = append $env (list "OTEL_EXPORTER_PROMETHEUS_PORT" $v.metrics.port) -}}
{{- end -}}
{{- with $v.tracing.otlpEndpoint -}}
{{- $env = append $env (list "OTEL_EXPORTER_OTLP_ENDPOINT" .) -}}
{{- $env = append $env (list "OTEL_TRACES_EXPORTER" "otlp") -}}
{{- $env = append $env (list "OTEL_TRACES_SAMPLER" $v.tracing.sampler) -}}
{{- $env = append $env (list "OTEL_TRACES_SAMPLER_ARG" $v.tracing.samplerArg) -}}
{{- end -}}
{{- range $name, $value := $f.env -}}
{{- $env = append $env (list $name $value) -}}
{{- end -}}
{{- range $env }}
{{- include "product-service.variable" (dict "name" (index . 0) "value" (index . 1)) }}
{{- end }}
{{- end -}}

{{/* Subjects of the Triggers that deliver to a function; to events also those of
Triggers and of a broker's Subscriptions that bring dead letters. */}}
{{- define "product-service.eventSubjects" -}}
{{- $ns := .root.Release.Namespace -}}
{{- $triggers := list "inventory-orders" "inventory-tick" -}}
{{- $subjects := list -}}
{{- if eq .name "events" -}}
{{- $triggers = list "analytics" "events-outbox" "inventory-orders" "inventory-tick" "order-replies" "recommendation" -}}
{{- $subjects = append $subjects (printf "system:serviceaccount:%s:%s-*" $ns .root.Values.eventing.broker.name) -}}
{{- end -}}
{{- range $triggers -}}
{{- $subjects = append $subjects (printf "system:serviceaccount:%s:%s-oidc-eventing.knative.dev-trigger" $ns .) -}}
{{- end -}}
{{- join "," $subjects -}}
{{- end -}}

{{- define "product-service.caMount" -}}
- name: database-ca
  mountPath: /etc/database
  readOnly: true
{{- end -}}

{{- define "product-service.caVolume" -}}
- name: database-ca
  configMap:
    name: {{ include "product-service.name" . }}-database-ca
{{- end -}}

{{/* None of them asks the database. */}}
{{- define "product-service.probes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: 8080
  periodSeconds: 1
  timeoutSeconds: 1
  failureThreshold: 30
livenessProbe:
  httpGet:
    path: /healthz
    port: 8080
  periodSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: 8080
  periodSeconds: 5
  timeoutSeconds: 1
  failureThreshold: 3
{{- end -}}

{{/* The same variables as the data of a ConfigMap. */}}
{{- define "product-service.settings" -}}
{{- range include "product-service.env" . | fromYamlArray -}}
{{ .name }}: {{ .value | quote }}
{{ end -}}
{{- end -}}
