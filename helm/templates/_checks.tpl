{{/* What no schema can say. It fails the rendering with what to change. */}}
{{- define "product-service.check" -}}
{{- $connections := 0 -}}
{{- range $name := list "catalog" "inventory" "events" -}}
{{- $f := include "product-service.function" (dict "root" $ "name" $name) | fromYaml -}}
{{- $connections = add $connections (mul 2 (int $f.scaling.maxScale) (int $f.maxConns)) -}}
{{- end -}}
{{- $allowed := sub (int .Values.database.maxConnections) (int .Values.database.reservedConnections) -}}
{{- if gt (int $connections) (int $allowed) -}}
{{- fail (printf "during a rollout the functions may want %d connections (2 revisions x maxScale x maxConns, summed), the database has %d for them: lower scaling.maxScale or maxConns, or raise database.maxConnections" (int $connections) (int $allowed)) -}}
{{- end -}}
{{- if gt (int .Values.common.timeoutSeconds) (int .Values.ingress.idleTimeout) -}}
{{- fail (printf "ingress.idleTimeout is %d seconds, less than common.timeoutSeconds (%d): the load balancer would cut a cold start" (int .Values.ingress.idleTimeout) (int .Values.common.timeoutSeconds)) -}}
{{- end -}}
{{- if and (eq .Values.runtime "knative") (kindIs "bool" .Values.eventing.enabled) (not .Values.eventing.enabled) (eq .Values.eventing.auth "oidc") (not .Values.eventing.sink) -}}
{{- fail "eventing.auth is oidc, and there is neither a broker (eventing.enabled) nor a sink (eventing.sink)" -}}
{{- end -}}
{{- if and .Values.securityGroupPolicy.enabled (not .Values.securityGroupPolicy.groupIds) -}}
{{- fail "securityGroupPolicy.enabled needs securityGroupPolicy.groupIds: the policy takes the cluster's group away, and would give none" -}}
{{- end -}}
{{- end -}}
