/** The real kubectl with one object of each kind: created, listed, described, explained, applied, scaled, deleted. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { describeWith } from '../testing/tools.ts'
import type { Kubectl } from './testing/kubectl.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

const manifests = readFileSync(new URL('./testing/one-of-each-kind.yaml', import.meta.url), 'utf8')
const created = manifests.match(/^kind: \w+$/gm) ?? []

// Each command is a process, and machines are slow while all tests run at once.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describeWith(['kubectl'], 'kubectl with one of each kind', () => {
  let server: TestApiServer
  let kubectl: Kubectl
  beforeAll(async () => {
    server = await startTestApiServer()
    kubectl = server.kubectl
  })
  afterAll(() => server?.stop())

  it('creates them, with every field known', async () => {
    const lines = (await kubectl.output('create -f -', { stdin: manifests })).trim().split('\n')
    expect(lines.filter((line) => !line.endsWith(' created'))).toEqual([])
    expect(lines).toHaveLength(created.length)
    const kinds = new Set(created.map((line) => line.replace('kind: ', '')))
    const others = ['ConfigMap', 'Deployment', 'Endpoints', 'Namespace', 'Node', 'Pod', 'ReplicaSet', 'Secret']
    const listed = kindRows
      .filter(({ verbs, virtual }) => verbs.includes('list') && !virtual)
      .map(({ resource }) => resource.kind)
    expect(new Set(listed)).toEqual(new Set([...kinds, ...others, 'Service', 'ServiceAccount']))
  })

  it('lists them in upstream’s columns', async () => {
    expect(await kubectl.output('get ds,sts,job,cronjob,hpa x')).toMatch(
      /daemonset.apps\/x +0 +0 +0 +0 +0 +<none> +\d+s\n\n.*\nstatefulset.apps\/x +0\/1 +\d+s\n\n.*\njob.batch\/x +Running +0\/1 +\d+s\n\n.*\ncronjob.batch\/x +\* \* \* \* \* +<none> +False +0 +<none> +\d+s\n\n.*\nhorizontalpodautoscaler.autoscaling\/x +StatefulSet\/x +memory: <unknown>\/10Mi, cpu: <unknown>\/50% +1 +5 +0 +\d+s\n/,
    )
    expect(await kubectl.output('get pv,pvc,sc,pc --no-headers')).toMatch(
      /^persistentvolume\/x +1Gi +RWO +Retain +Pending +x +<unset> +\d+s\npersistentvolumeclaim\/x +Pending +x +<unset> +\d+s\nstorageclass.storage.k8s.io\/x \(default\) +x.org\/p +Delete +Immediate +false +\d+s\n(?:priorityclass.scheduling.k8s.io\/system-.*\n){2}priorityclass.scheduling.k8s.io\/x +1000 +false +\d+s +PreemptLowerPriority\n/m,
    )
  })

  it('describes them', async () => {
    const kinds = 'limits,pv,pvc,podtemplates,rc,quota,ds,sts,job,cronjob,hpa,pdb,ing,ingressclass,netpol,pc,sc,csinode'
    const text = await kubectl.output(`describe ${kinds} x`)
    expect(text.match(/^Name: /gm)).toHaveLength(kinds.split(',').length)
    expect(text).toContain('Default backend')
  })

  it('applies them again without a change', async () => {
    // Where lists have defaults inside kubectl sends a patch every time, to upstream's server as to this one.
    const versions = () =>
      kubectl.output('get -f - -o jsonpath={.items[*].metadata.resourceVersion}', { stdin: manifests })
    await kubectl.output('apply -f -', { stdin: manifests })
    const before = await versions()
    await kubectl.output('apply -f -', { stdin: manifests })
    expect(await versions()).toBe(before)
    expect(await kubectl.output('get ds x -o jsonpath={.metadata.generation}')).toBe('1')
  })

  it('scales and approves', async () => {
    await kubectl.output('scale sts/x --replicas=3')
    await kubectl.output('scale rc/x --replicas=2')
    expect(await kubectl.output('get sts,rc -o jsonpath={.items[*].spec.replicas}')).toBe('3 2')
    await kubectl.output('certificate approve x')
    expect(await kubectl.output('get csr x --no-headers')).toMatch(/Approved$/m)
  })

  it('shows an autoscaler in the version that is asked for', async () => {
    const v1 = 'get horizontalpodautoscalers.v1.autoscaling'
    expect(await kubectl.output(`${v1} h1 -o jsonpath={.spec.targetCPUUtilizationPercentage}`)).toBe('60')
    const path = '{.spec.metrics[*].resource.target.averageUtilization}'
    expect(await kubectl.output(`get hpa h1 -o jsonpath=${path}`)).toBe('60')
  })

  it('deletes them', async () => {
    const lines = (await kubectl.output('delete -f - --wait=false', { stdin: manifests })).trim().split('\n')
    expect(lines).toHaveLength(created.length)
  })
})
