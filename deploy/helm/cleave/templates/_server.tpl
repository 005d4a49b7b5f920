{{- /*
One server: a Deployment, its Service, how many of its pods may be gone, and its autoscaler. Given:
  root      the chart's context
  name      of the objects
  port      of the Service
  type      of the Service
  module    whose requests decide how many replicas there are; empty for those of all modules together
  scale     minReplicas, maxReplicas, requests, resources
  remote    whether it gives the modules' requests to their servers
*/ -}}
{{- define "cleave.server" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    app.kubernetes.io/name: cleave
    app.kubernetes.io/instance: {{ .root.Release.Name }}
    app.kubernetes.io/component: {{ .name }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/instance: {{ .root.Release.Name }}
      app.kubernetes.io/component: {{ .name }}
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app.kubernetes.io/name: cleave
        app.kubernetes.io/instance: {{ .root.Release.Name }}
        app.kubernetes.io/component: {{ .name }}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 45
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/instance: {{ .root.Release.Name }}
              app.kubernetes.io/component: {{ .name }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: cleave
          image: {{ printf "%s:%s" .root.Values.image.repository .root.Values.image.tag | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args:
            - serve
            - /releases
            - --watch
            - --on-release
            - {{ .root.Values.releases.onRelease | quote }}
            - --urls
            - http://0.0.0.0:8080
            - --keys
            - /etc/cleave/keys
            - --log
            - json
            {{- if .remote }}
            - --remote-key
            - /etc/cleave-remote/key
            {{- range .root.Values.modules }}
            - --remote
            - {{ printf "%s=http://%s-%s:8080" .name $.root.Release.Name .name | quote }}
            {{- end }}
            {{- end }}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: TMPDIR
              value: /tmp
            - name: DOTNET_EnableDiagnostics
              value: "0"
          startupProbe:
            httpGet:
              path: /health/ready
              port: http
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 150
          readinessProbe:
            httpGet:
              path: /health/ready
              port: http
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          livenessProbe:
            httpGet:
              path: /health/live
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          lifecycle:
            preStop:
              sleep:
                seconds: 5
          resources:
            {{- toYaml .scale.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop:
                - ALL
          volumeMounts:
            - name: releases
              mountPath: /releases
              readOnly: true
            - name: keys
              mountPath: /etc/cleave
              readOnly: true
            {{- if .remote }}
            - name: remote-key
              mountPath: /etc/cleave-remote
              readOnly: true
            {{- end }}
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: releases
          persistentVolumeClaim:
            claimName: {{ .root.Values.releases.claim }}
            readOnly: true
        - name: keys
          secret:
            secretName: {{ .root.Values.keys.secret }}
            defaultMode: 288 # 0440
        {{- if .remote }}
        - name: remote-key
          secret:
            secretName: {{ .root.Values.remoteKey.secret }}
            defaultMode: 288 # 0440
        {{- end }}
        - name: tmp
          emptyDir: {}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
spec:
  type: {{ .type }}
  selector:
    app.kubernetes.io/instance: {{ .root.Release.Name }}
    app.kubernetes.io/component: {{ .name }}
  ports:
    - name: http
      port: {{ .port }}
      targetPort: http
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/instance: {{ .root.Release.Name }}
      app.kubernetes.io/component: {{ .name }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .scale.minReplicas }}
  maxReplicas: {{ .scale.maxReplicas }}
  metrics:
    - type: Pods
      pods:
        metric:
          name: cleave_module_requests
          {{- if .module }}
          selector:
            matchLabels:
              module: {{ .module | quote }}
          {{- end }}
        target:
          type: AverageValue
          averageValue: {{ .scale.requests | quote }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
{{- end }}
