/** What tests with kubectl begin with. */

/** A Deployment of three pods, as a file that a user applies. */
export const deployment = (name: string, greeting = 'hello') => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  replicas: 3
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        env: [{name: GREETING, value: ${greeting}}]
        ports: [{name: http, containerPort: 8080}]
        resources:
          requests: {cpu: 50m, memory: 32Mi}
          limits: {memory: 64Mi}
`

export const service = (name: string) => `
apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector: {app: ${name}}
  ports: [{port: 80, targetPort: http}]
`

/** A pod on the node that the test server has. */
export const pod = (name: string, app = 'web') => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: ${app}}
spec:
  nodeName: node-1
  containers: [{name: main, image: registry.example/web:1}]
`

/** What its kubelet would report. */
export const runningStatus = {
  phase: 'Running',
  podIP: '10.244.1.2',
  podIPs: [{ ip: '10.244.1.2' }],
  hostIP: '127.0.0.1',
  startTime: '2026-01-01T00:00:00Z',
  conditions: [
    { type: 'Ready', status: 'True' },
    { type: 'ContainersReady', status: 'True' },
  ],
  containerStatuses: [
    {
      name: 'main',
      image: 'registry.example/web:1',
      imageID: 'sha256:1',
      ready: true,
      started: true,
      restartCount: 2,
      state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error', finishedAt: '2026-01-01T00:00:00Z' } },
    },
  ],
}

/** A command that writes an object's status, as its controller or kubelet would. */
export const setStatus = (object: string, status: object) =>
  `patch ${object} --subresource=status --type=merge -p '${JSON.stringify({ status })}'`
