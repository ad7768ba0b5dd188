{{- define "numctl.name" -}}
{{- if contains "numctl" .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-numctl" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "numctl.selector" -}}
app.kubernetes.io/name: numctl
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "numctl.labels" -}}
{{ include "numctl.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
