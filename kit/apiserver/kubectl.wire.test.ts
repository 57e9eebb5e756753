/**
 * The real kubectl against our API server: what it prints is compared with what it prints against upstream's.
 *
 * One server for all, in the order of a cluster's life: nothing, a Deployment, its pods, their end. There are no
 * controllers and no kubelet here; what they would write is written by hand.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { StatusError } from '../api/status-error.ts'
import { describeWith } from '../testing/tools.ts'
import { startHttpServer } from './http-server.ts'
import { createKubectl, type Kubectl } from './testing/kubectl.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

const manifest = (greeting: string) => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 3
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        env: [{name: GREETING, value: ${greeting}}]
        ports: [{name: http, containerPort: 8080}]
        resources:
          requests: {cpu: 50m, memory: 32Mi}
          limits: {memory: 64Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
`

const pod = (name: string) => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: web}
spec:
  nodeName: node-1
  containers: [{name: main, image: registry.example/web:1}]
`

const podStatus = {
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

// Each command is a process, and machines are slow while all tests run at once.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describeWith(['kubectl'], 'kubectl', () => {
  let server: TestApiServer
  let kubectl: Kubectl
  beforeAll(async () => {
    server = await startTestApiServer()
    kubectl = server.kubectl
  })
  afterAll(() => server?.stop())

  const setStatus = (object: string, status: object) =>
    kubectl.output(`patch ${object} --subresource=status --type=merge -p '${JSON.stringify({ status })}'`)

  it('version, cluster-info, get --raw', async () => {
    expect(await kubectl.output('version')).toMatch(/Server Version: v1\.32\.\d+\+brain-and-muscle/)
    expect(await kubectl.output('cluster-info')).toContain('is running at')
    expect(await kubectl.output('get --raw /healthz')).toBe('ok')
    expect(await kubectl.output('get --raw /readyz?verbose')).toContain('readyz check passed')
  })

  it('api-resources, api-versions', async () => {
    const lines = (await kubectl.output('api-resources')).split('\n').map((line) => line.trim().split(/ +/).join(' '))
    expect(lines).toContain('deployments deploy apps/v1 true Deployment')
    expect(lines).toContain('nodes no v1 false Node')
    expect((await kubectl.output('api-versions')).split('\n')).toContain('discovery.k8s.io/v1')
    const unknown = await kubectl('get nosuchthing')
    expect(unknown.stderr).toBe(`error: the server doesn't have a resource type "nosuchthing"\n`)
  })

  it('get ns, and an empty namespace', async () => {
    expect(await kubectl.output('get ns')).toMatch(/^NAME +STATUS +AGE\ndefault +Active +\d+s\n/)
    expect((await kubectl('get pods')).stderr).toBe('No resources found in default namespace.\n')
    expect((await kubectl('get pods nope')).stderr).toBe('Error from server (NotFound): pods "nope" not found\n')
  })

  it('apply: create, no change, change', async () => {
    const apply = (greeting: string) => kubectl.output('apply -f -', { stdin: manifest(greeting) })
    expect(await apply('hello')).toBe('deployment.apps/web created\nservice/web created\n')
    expect(await apply('hello')).toBe('deployment.apps/web unchanged\nservice/web unchanged\n')
    expect(await apply('hi')).toBe('deployment.apps/web configured\nservice/web unchanged\n')
    const greeting = '{.spec.template.spec.containers[0].env[0].value} {.metadata.generation}'
    expect(await kubectl.output(`get deploy web -o 'jsonpath=${greeting}'`)).toBe('hi 2')
    expect((await kubectl('diff -f -', { stdin: manifest('hi') })).code).toBe(0)
  })

  it('create -f, and what it refuses', async () => {
    const create = (stdin: string, more = '') => kubectl(`create -f - ${more}`, { stdin })
    expect((await create(pod('web-1'))).stdout).toBe('pod/web-1 created\n')
    expect((await create(pod('web-1'))).stderr).toBe(
      'Error from server (AlreadyExists): error when creating "STDIN": pods "web-1" already exists\n',
    )
    expect((await create(`${pod('bad')}  nosuch: 1\n`)).stderr).toBe(
      'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.nosuch"\n',
    )
    expect((await create(pod('BAD_NAME'))).stderr).toContain(
      `The Pod "BAD_NAME" is invalid: metadata.name: Invalid value: "BAD_NAME": a lowercase RFC 1123 subdomain must consist of`,
    )
    expect((await create(pod('x').replace('metadata:', 'metadata:\n  namespace: nope'))).stderr).toBe(
      'Error from server (NotFound): error when creating "STDIN": namespaces "nope" not found\n',
    )
    expect((await create('apiVersion: apps/v2\nkind: Deployment\nmetadata: {name: x}\n')).stderr).toBe(
      'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind "Deployment" in version "apps/v2"\nensure CRDs are installed first\n',
    )
    const tolerated = await create(`${pod('lenient')}  nosuch: 1\n`, '--validate=warn')
    expect(tolerated).toMatchObject({
      stdout: 'pod/lenient created\n',
      stderr: 'Warning: unknown field "spec.nosuch"\n',
    })
    await kubectl.output('delete pod lenient --grace-period=0 --force')
  })

  it('create of each kind, which kubectl sends as protobuf', async () => {
    expect(await kubectl.output('create namespace n1')).toBe('namespace/n1 created\n')
    expect(await kubectl.output('create configmap cm1 --from-literal=a=b --from-literal=c=d')).toBe(
      'configmap/cm1 created\n',
    )
    expect(await kubectl.output('create secret generic s1 --from-literal=p=q')).toBe('secret/s1 created\n')
    expect(await kubectl.output('create serviceaccount sa1')).toBe('serviceaccount/sa1 created\n')
    expect(await kubectl.output('create service clusterip c1 --tcp=80:8080')).toBe('service/c1 created\n')
    expect(await kubectl.output('create deployment d1 --image=i:1 --replicas=2 --port=80 -- cmd arg')).toBe(
      'deployment.apps/d1 created\n',
    )
    expect(await kubectl.output(`get cm cm1 -o 'jsonpath={.data}'`)).toBe('{"a":"b","c":"d"}')
    expect(await kubectl.output('create deployment dry --image=i --dry-run=server -o name')).toBe(
      'deployment.apps/dry\n',
    )
    expect(await kubectl.output('get cm,secret,sa,svc')).toMatch(/secret\/s1 +Opaque +1 +\d+s/)
  })

  it('run, expose', async () => {
    expect(await kubectl.output('run one --image=img:1 --labels=a=b -- sleep 10')).toBe('pod/one created\n')
    expect(await kubectl.output('expose deploy/web --name=web2 --port=80 --target-port=8080 --type=NodePort')).toBe(
      'service/web2 exposed\n',
    )
    expect(await kubectl.output('get svc web2')).toMatch(
      /web2 +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d{4}\/TCP +\d+s/,
    )
  })

  it('get in each form', async () => {
    await setStatus('pod web-1', podStatus)
    expect(await kubectl.output('get pods -l app=web')).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE\nweb-1 +1\/1 +Running +2 \(\d+d ago\) +\d+s\n$/,
    )
    expect(await kubectl.output('get pod web-1 -o wide')).toMatch(/10\.244\.1\.2 +node-1 +<none> +<none>\n$/)
    expect(await kubectl.output('get pods -A --field-selector status.phase=Running -o name')).toBe('pod/web-1\n')
    expect(await kubectl.output(`get pods -l 'app in (web,x),app!=y' -o 'jsonpath={.items[*].metadata.name}'`)).toBe(
      'web-1',
    )
    expect(await kubectl.output('get pods -o custom-columns=N:.metadata.name,S:.status.phase')).toMatch(
      /web-1 +Running/,
    )
    expect(await kubectl.output('get pods --sort-by=.metadata.name --show-labels')).toMatch(/web-1 .* app=web\n/)
    expect(await kubectl.output('get pod web-1 -o yaml')).toMatch(/^apiVersion: v1\nkind: Pod\n/)
    expect(JSON.parse(await kubectl.output('get svc web -o json'))).toMatchObject({ spec: { sessionAffinity: 'None' } })
    expect(await kubectl.output('get deploy,svc web')).toMatch(
      /deployment\.apps\/web +0\/3 +0 +0 +\d+s\n\n.*\nservice\/web +ClusterIP/s,
    )
    expect(await kubectl.output('get all -A')).toContain('deployment.apps/web')
  })

  it('get -w', async () => {
    let labelled: Promise<string> | undefined
    const { stdout } = await kubectl('get pods -w -l app=web', {
      enough(text) {
        const rows = text.split('\n').length - 2
        if (rows === 1) labelled ??= kubectl.output('label pod web-1 seen=yes')
        return rows === 2
      },
    })
    expect(await labelled).toBe('pod/web-1 labeled\n')
    expect(stdout).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\n(web-1 +1\/1 +Running +2 \(\d+d ago\) +\d+s\n){2}$/)
  })

  it('describe', async () => {
    expect(await kubectl.output('describe pod web-1')).toMatch(
      /Node: +node-1\/127\.0\.0\.1\n.*QoS Class: +BestEffort\n.*Events: +<none>\n/s,
    )
    expect(await kubectl.output('describe deployment web')).toMatch(
      /Replicas: +3 desired \| 0 updated \| 0 total \| 0 available \| 0 unavailable\nStrategyType: +RollingUpdate\n/,
    )
    expect(await kubectl.output('describe service web')).toMatch(
      /IP Family Policy: +SingleStack\nIP Families: +IPv4\nIP: +10\.96\.[\d.]+\n.*TargetPort: +http\/TCP\nEndpoints: +<none>\n/s,
    )
    expect(await kubectl.output('describe node node-1')).toMatch(/Non-terminated Pods: +\(1 in total\)/)
    expect(await kubectl.output('describe ns default')).toMatch(/Status: +Active/)
  })

  it('explain', async () => {
    const text = await kubectl.output('explain pod.spec.containers')
    expect(text).toMatch(/^KIND: +Pod\nVERSION: +v1\n\nFIELD: containers <\[\]Container>\n/)
    expect(text).toMatch(/ {2}image\t<string>\n/)
    expect(text).toMatch(/ {2}name\t<string> -required-\n/)
    for (const kind of ['node', 'service', 'endpointslices', 'leases', 'event --api-version=events.k8s.io/v1', 'rc']) {
      expect(await kubectl.output(`explain ${kind} --recursive`)).toMatch(
        /FIELDS:\n.* {2}metadata\t<ObjectMeta>\n {4}annotations\t<map\[string\]string>\n/s,
      )
    }
    expect(await kubectl.output('explain deployment.spec.strategy --recursive')).toMatch(
      /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n.*rollingUpdate\t<RollingUpdateDeployment>\n {4}maxSurge\t<IntOrString>\n/s,
    )
  })

  it('label, annotate, patch, set', async () => {
    expect(await kubectl.output('label deploy/web x=y')).toBe('deployment.apps/web labeled\n')
    expect((await kubectl('label deploy/web x=z')).stderr).toBe(
      `error: 'x' already has a value (y), and --overwrite is false\n`,
    )
    expect(await kubectl.output('label deploy/web x-')).toBe('deployment.apps/web unlabeled\n')
    expect(await kubectl.output('annotate deploy/web a=b')).toBe('deployment.apps/web annotated\n')
    expect(
      await kubectl.output(`patch deploy web --type=json -p '[{"op":"replace","path":"/spec/replicas","value":2}]'`),
    ).toBe('deployment.apps/web patched\n')
    const failed = await kubectl(`patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":99}]'`)
    expect(failed.stderr).toBe(
      'The request is invalid: the server rejected our request due to an error in our request\n',
    )
    const sidecar = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s:1"}]}}}}'
    expect(await kubectl.output(`patch deploy web -p '${sidecar}'`)).toBe('deployment.apps/web patched\n')
    expect(await kubectl.output(`get deploy web -o 'jsonpath={.spec.template.spec.containers[*].name}'`)).toBe(
      'side web',
    )
    expect(await kubectl.output('set image deploy/web web=registry.example/web:2')).toBe(
      'deployment.apps/web image updated\n',
    )
    const selector = await kubectl(
      `patch deploy web --type=merge -p '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}'`,
    )
    expect(selector.stderr).toContain('field is immutable')
  })

  it('scale', async () => {
    expect(await kubectl.output('scale deploy/web --replicas=2')).toBe('deployment.apps/web scaled\n')
    expect(await kubectl.output('scale deploy/web --replicas=3 --current-replicas=2')).toBe(
      'deployment.apps/web scaled\n',
    )
    const wrong = await kubectl('scale deploy/web --replicas=3 --current-replicas=7')
    expect(wrong.stderr).toBe('error: Expected replicas to be 7, was 3\n')
    expect((await kubectl('scale deploy/nope --replicas=2')).stderr).toBe(
      'error: no objects passed to scale deployments.apps "nope" not found\n',
    )
    expect(await kubectl.output(`get deploy web -o 'jsonpath={.spec.replicas}'`)).toBe('3')
  })

  it('rollout status, history, undo, restart, pause, resume', async () => {
    await server.createReplicaSet('web', 1, 'registry.example/web:1')
    await server.createReplicaSet('web', 2, 'registry.example/web:2')
    expect(await kubectl.output('rollout history deploy/web')).toBe(
      'deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n',
    )
    expect(await kubectl.output('rollout history deploy/web --revision=1')).toContain('Image:\tregistry.example/web:1')
    await kubectl.output('annotate deploy/web deployment.kubernetes.io/revision=2')
    expect(await kubectl.output('rollout undo deploy/web')).toBe('deployment.apps/web rolled back\n')
    expect(await kubectl.output(`get deploy web -o 'jsonpath={..image}'`)).toBe('registry.example/web:1')
    expect(await kubectl.output('rollout restart deploy/web')).toBe('deployment.apps/web restarted\n')
    expect(await kubectl.output('rollout pause deploy/web')).toBe('deployment.apps/web paused\n')
    expect(await kubectl.output('rollout resume deploy/web')).toBe('deployment.apps/web resumed\n')

    const generation = Number(await kubectl.output(`get deploy web -o 'jsonpath={.metadata.generation}'`))
    const counts = (count: number) => ({
      replicas: 3,
      updatedReplicas: count,
      readyReplicas: count,
      availableReplicas: count,
    })
    await setStatus('deploy web', { observedGeneration: generation, ...counts(1) })
    let finished: Promise<string> | undefined
    const waiting = kubectl('rollout status deploy/web --timeout=20s', {
      enough(text) {
        if (text.includes('Waiting')) finished ??= setStatus('deploy web', counts(3))
        return false
      },
    })
    expect((await waiting).stdout).toBe(
      'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...\ndeployment "web" successfully rolled out\n',
    )
    await finished
  })

  it('wait', async () => {
    const conditions = [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: '' }]
    const waiting = kubectl('wait --for=condition=Available deploy/web --timeout=20s')
    await setStatus('deploy web', { conditions })
    expect((await waiting).stdout).toBe('deployment.apps/web condition met\n')
    expect(await kubectl.output(`wait '--for=jsonpath={.status.phase}=Running' pod -l app=web --timeout=5s`)).toBe(
      'pod/web-1 condition met\n',
    )
    const late = await kubectl('wait --for=condition=Nonsense pod/web-1 --timeout=1s')
    expect(late.stderr).toBe('error: timed out waiting for the condition on pods/web-1\n')
  })

  it('logs', async () => {
    expect(await kubectl.output('logs web-1 --tail=2')).toBe('two\nthree\n')
    const { stdout } = await kubectl('logs -f web-1', { enough: (text) => text.includes('more') })
    expect(stdout).toMatch(/^one\ntwo\nthree\nmore\n/)
    expect((await kubectl('logs web-1 -c nosuch')).stderr).toBe('error: container nosuch is not valid for pod web-1\n')
    expect((await kubectl('logs nope')).stderr).toBe(
      'error: error from server (NotFound): pods "nope" not found in namespace "default"\n',
    )
  })

  it('exec', async () => {
    expect(await kubectl.output('exec web-1 -- echo hello world')).toBe('hello world\n')
    expect(await kubectl.output('exec -i web-1 -- cat', { stdin: 'through and back' })).toBe('through and back')
    expect(await kubectl('exec web-1 -- exit 3')).toEqual({
      code: 3,
      stdout: '',
      stderr: 'leaving\ncommand terminated with exit code 3\n',
    })
    expect((await kubectl('exec one -- true')).stderr).toContain('pod one does not have a host assigned')
  })

  it('cordon, uncordon, taint', async () => {
    expect(await kubectl.output('cordon node-1')).toBe('node/node-1 cordoned\n')
    expect(await kubectl.output('get nodes -o wide')).toMatch(
      /node-1 +Ready,SchedulingDisabled +<none> +\d+s +v1\.32\.0 +127\.0\.0\.1/,
    )
    expect(await kubectl.output('uncordon node-1')).toBe('node/node-1 uncordoned\n')
    expect(await kubectl.output('taint nodes node-1 k=v:NoSchedule')).toBe('node/node-1 tainted\n')
    expect(await kubectl.output('taint nodes node-1 k-')).toBe('node/node-1 untainted\n')
  })

  it('events, get events', async () => {
    await server.createEvent('web-1', 'Scheduled', 'Successfully assigned default/web-1 to node-1')
    const line =
      /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+ +Normal +Scheduled +[Pp]od\/web-1 +Successfully assigned default\/web-1 to node-1\n/
    expect(await kubectl.output('get events')).toMatch(line)
    expect(await kubectl.output('events')).toMatch(line)
    expect(await kubectl.output('events --for pod/web-1')).toMatch(line)
    expect(await kubectl.output('get events.events.k8s.io')).toMatch(line)
    expect(await kubectl.output('describe pod web-1')).toMatch(
      /Normal +Scheduled +\S+ +default-scheduler +Successfully/,
    )
  })

  it('edit, replace', async () => {
    const current = await kubectl.output('get cm cm1 -o yaml')
    expect(await kubectl.output('replace -f -', { stdin: current.replace('a: b', 'a: z') })).toBe(
      'configmap/cm1 replaced\n',
    )
    const stale = await kubectl('replace -f -', { stdin: current })
    expect(stale.stderr).toContain(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "cm1": the object has been modified; please apply your changes to the latest version and try again',
    )
    expect(await kubectl.output(`get cm cm1 -o 'jsonpath={.data.a}'`)).toBe('z')
  })

  it('delete', async () => {
    expect(await kubectl.output('delete svc web2')).toBe('service "web2" deleted\n')
    expect(await kubectl.output('delete pod one --wait=false')).toBe('pod "one" deleted\n')
    expect((await kubectl('delete pod nope')).stderr).toBe('Error from server (NotFound): pods "nope" not found\n')
    expect(await kubectl.output('delete cm --all --dry-run=server')).toContain(
      'configmap "cm1" deleted (server dry run)\n',
    )
    // Bound pods wait for their kubelet, which says when they are gone.
    const deleting = kubectl.output('delete pod web-1')
    await expect.poll(() => kubectl.output('get pod web-1'), { timeout: 20_000 }).toMatch(/web-1 +1\/1 +Terminating/)
    await kubectl.output('delete pod web-1 --grace-period=0 --force')
    expect(await deleting).toBe('pod "web-1" deleted\n')
    expect(await kubectl.output('delete deploy,svc web')).toBe('deployment.apps "web" deleted\nservice "web" deleted\n')
    expect((await kubectl('get deploy web')).stderr).toContain('not found')
  })
})

describeWith(['kubectl'], 'kubectl and an API server that is not written yet', () => {
  it('says what to write', async () => {
    const message =
      'not implemented yet: labs/02-apiserver/src/request-info.ts, `parseRequestInfo` (step 2.1: Read the path)'
    const status = new StatusError(501, 'NotImplemented', message).toStatus()
    const server = await startHttpServer({
      handle: async () => ({ kind: 'object', code: 501, object: { ...status } }),
      kinds: [],
      bindAddresses: ['127.0.0.1'],
      port: 0,
    })
    const kubectl = createKubectl({ server: `http://127.0.0.1:${server.port}` })
    for (const command of ['get pods', 'version', 'get --raw /api/v1/pods']) {
      expect((await kubectl(command)).stderr).toContain(message)
    }
    kubectl.remove()
    await server.stop()
  })
})
