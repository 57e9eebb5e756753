/** `kubectl describe` reads many objects to show one: all of them have to be there, and as it expects them. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment, pod, runningStatus, service, setStatus } from '../testing/manifests.ts'

const oneOfEachKind = readFileSync(new URL('../testing/one-of-each-kind.yaml', import.meta.url), 'utf8')

describeKubectl('describe', ({ output, server }) => {
  it('a pod', async () => {
    await output('create -f -', { stdin: [pod('web-1'), deployment('web'), service('web')].join('---') })
    await output(setStatus('pod web-1', runningStatus))
    await server().createEvent('web-1', 'Scheduled', 'Successfully assigned default/web-1 to node-1')
    const text = await output('describe pod web-1')
    expect(text).toMatch(
      /^Name: +web-1\nNamespace: +default\nPriority: +0\n(Service Account: +default\n)?Node: +node-1\/127\.0\.0\.1\nStart Time: .*\nLabels: +app=web\nAnnotations: +<none>\nStatus: +Running\nIP: +10\.244\.1\.2\nIPs:\n {2}IP: +10\.244\.1\.2\n/,
    )
    expect(text).toMatch(
      / {4}State: +Running\n.*Last State: +Terminated\n {6}Reason: +Error\n {6}Exit Code: +1\n.*Restart Count: +2\n/s,
    )
    expect(text).toMatch(
      /QoS Class: +BestEffort\nNode-Selectors: +<none>\nTolerations: +node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s\n/,
    )
    expect(text).toMatch(/Normal +Scheduled +\S+ +default-scheduler +Successfully assigned default\/web-1 to node-1\n$/)
  })

  it('a Deployment, its ReplicaSets, a Service, a node, a namespace', async () => {
    await server().createReplicaSet('web', 1, 'registry.example/web:1')
    expect(await output('describe deploy web')).toMatch(
      /^Name: +web\nNamespace: +default\nCreationTimestamp: .*\nLabels: +app=web\nAnnotations: +<none>\nSelector: +app=web\nReplicas: +3 desired \| 0 updated \| 0 total \| 0 available \| 0 unavailable\nStrategyType: +RollingUpdate\nMinReadySeconds: +0\nRollingUpdateStrategy: +25% max unavailable, 25% max surge\nPod Template:\n {2}Labels: +app=web\n {2}Containers:\n {3}web:\n {4}Image: +registry\.example\/web:1\n {4}Port: +8080\/TCP( \(http\))?\n/,
    )
    expect(await output('describe rs')).toMatch(
      /^Name: +web-hash1\n.*Controlled By: +Deployment\/web\nReplicas: +0 current \/ 0 desired\n/s,
    )
    expect(await output('describe service web')).toMatch(
      /^Name: +web\nNamespace: +default\nLabels: +<none>\nAnnotations: +<none>\nSelector: +app=web\nType: +ClusterIP\nIP Family Policy: +SingleStack\nIP Families: +IPv4\nIP: +10\.96\.\S+\nIPs: +10\.96\.\S+\nPort: +<unset> +80\/TCP\nTargetPort: +http\/TCP\nEndpoints: +(<none>)?\nSession Affinity: +None\nInternal Traffic Policy: +Cluster\nEvents: +<none>\n$/,
    )
    expect(await output('describe node node-1')).toMatch(
      /Lease: +Failed to get lease: leases\.coordination\.k8s\.io "node-1" not found\n.*Non-terminated Pods: +\(1 in total\)\n.*default +web-1 +0 \(0%\)/s,
    )
    expect(await output('describe ns default')).toBe(
      'Name:         default\nLabels:       kubernetes.io/metadata.name=default\nAnnotations:  <none>\nStatus:       Active\n\nNo resource quota.\n\nNo LimitRange resource.\n',
    )
  })

  it('one of every other kind', async () => {
    await output('create -f -', { stdin: oneOfEachKind })
    for (const kind of ['configmap', 'serviceaccount', 'secret generic']) await output(`create ${kind} x`)
    // kubectl wants to read the certificate request; and there is no event, lease, or metric here.
    const left = new Set(['certificatesigningrequests', 'events', 'leases'])
    for (const { resource, verbs } of kindRows) {
      const { group, version, plural, kind } = resource
      if (!verbs.includes('list') || left.has(plural) || group === 'metrics.k8s.io') continue
      const text = await output(`describe ${plural}.${version}.${group} -A`)
      expect(text, kind).toMatch(/^Name: +\S/m)
    }
  })
})
