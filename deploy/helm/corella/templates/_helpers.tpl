{{- define "corella.name" -}}
{{- printf "%s" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "corella.selector" -}}
app.kubernetes.io/name: corella
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "corella.labels" -}}
{{ include "corella.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "corella.split" -}}
{{- $shares := list -}}
{{- range .Values.bundle.folders -}}
{{- if hasKey . "percent" -}}
{{- $shares = append $shares (printf "%s=%v" .name .percent) -}}
{{- end -}}
{{- end -}}
{{- join "," $shares -}}
{{- end -}}
