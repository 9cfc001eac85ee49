{{- define "kube-hipaa.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "kube-hipaa.account" -}}
{{- .Values.serviceAccount.name | default (include "kube-hipaa.name" .) }}
{{- end }}

{{- define "kube-hipaa.labels" -}}
app.kubernetes.io/name: kube-hipaa
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "kube-hipaa.image" -}}
{{- $repository := required "image.repository: name the image that you built and pushed (deploy/README.md); there is no default" .Values.image.repository }}
{{- $tag := .Values.image.tag }}
{{- if not (or $tag .Values.image.digest) }}{{ $tag = .Chart.AppVersion }}{{ end }}
{{- $repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* kube-hipaa.yaml: what stands in the values, and what follows from the others. */}}
{{- define "kube-hipaa.config" -}}
{{- $scan := dict "store" (.Values.record.objectStore | default "/record") }}
{{- if .Values.scope }}{{ $_ := set $scan "scope" "/etc/kube-hipaa/scope.yaml" }}{{ end }}
{{- if .Values.signing.secret }}{{ $_ := set $scan "sign-key" (printf "/etc/kube-hipaa-signing/%s" .Values.signing.key) }}{{ end }}
{{- $config := merge (dict "schema" "kube-hipaa/config/v1") (deepCopy .Values.config) }}
{{- $_ := set $config "scan" (merge (deepCopy (.Values.config.scan | default dict)) $scan) }}
{{- toYaml $config }}
{{- end }}
