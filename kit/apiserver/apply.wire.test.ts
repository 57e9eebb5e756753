/**
 * Server-side apply as users meet it: the real kubectl, and controllers that apply, on our whole server.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ApiObject, Deployment } from '../api/objects.ts'
import { describeWith } from '../testing/tools.ts'
import { startKubectlProxy } from './testing/kubectl-proxy.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

const deployment = (name: string, replicas: number | undefined, image = 'web:1') => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  ${replicas === undefined ? '' : `replicas: ${replicas}`}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: web, image: '${image}', ports: [{ containerPort: 80 }] }] }
`

const configMap = (data: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: ${data}
`

describeWith(['kubectl'], 'apply', () => {
  let server: TestApiServer
  beforeAll(async () => {
    server = await startTestApiServer()
  })
  afterAll(() => server?.stop())

  const kubectl = (command: string, stdin?: string) => server.kubectl(command, stdin === undefined ? {} : { stdin })
  const applied = (manifest: string, flags = '') =>
    server.kubectl.output(`apply --server-side ${flags} -f -`, { stdin: manifest })
  const read = async (what: string) =>
    JSON.parse(await server.kubectl.output(`get ${what} -o json --show-managed-fields`)) as ApiObject
  const managers = ({ metadata }: Pick<ApiObject, 'metadata'>) =>
    metadata?.managedFields?.map(({ manager, operation, subresource }) =>
      [manager, operation, subresource].filter(Boolean).join(' '),
    )

  it('creates what is not there, and does nothing the second time', async () => {
    expect(await applied(deployment('web', 2))).toBe('deployment.apps/web serverside-applied\n')
    const first = await read('deployment web')
    expect(managers(first)).toEqual(['kubectl Apply'])
    expect(await applied(deployment('web', 2))).toBe('deployment.apps/web serverside-applied\n')
    expect((await read('deployment web')).metadata?.resourceVersion).toBe(first.metadata?.resourceVersion)
  })

  it('says who is in the way, and may be forced', async () => {
    const refusal = await kubectl('apply --server-side --field-manager=other -f -', deployment('web', 5))
    expect(refusal.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas')
    await applied(deployment('web', 5), '--field-manager=other --force-conflicts')
    const web = (await read('deployment web')) as Deployment
    expect(web.spec?.replicas).toBe(5)
    expect(managers(web)).toEqual(['kubectl Apply', 'other Apply'])
    const image = await kubectl('apply --server-side --field-manager=third -f -', deployment('web', 6, 'web:2'))
    expect(image.stderr).toContain(
      'Apply failed with 3 conflicts: conflicts with "kubectl":\n' +
        '- .spec.template.spec.containers[name="web"].image\n' +
        'conflicts with "other":\n- .spec.replicas\n- .spec.template.spec.containers[name="web"].image',
    )
  })

  it('takes away what it applied before, and leaves what others want', async () => {
    await applied(configMap('{ a: "1", b: "1" }'))
    await applied(configMap('{ b: "1", c: "1" }'), '--field-manager=other')
    await server.kubectl.output('annotate configmap settings note=x')
    await applied(configMap('{}'))
    expect(await read('configmap settings')).toMatchObject({
      data: { b: '1', c: '1' },
      metadata: { annotations: { note: 'x' } },
    })
  })

  it('takes over from kubectl apply, and lets it take over again', async () => {
    await server.kubectl.output('apply -f -', { stdin: deployment('old', 1) })
    expect(managers(await read('deployment old'))).toEqual(['kubectl-client-side-apply Update'])
    await applied(deployment('old', 3, 'web:2'))
    const migrated = await read('deployment old')
    expect(managers(migrated)).not.toContain('kubectl-client-side-apply Update')
    expect(migrated.metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration']).toContain('web:2')
    await applied(deployment('old', undefined, 'web:2'))
    expect(((await read('deployment old')) as Deployment).spec?.replicas).toBe(1)
    expect(await server.kubectl.output('apply -f -', { stdin: deployment('old', 4, 'web:3') })).toContain('configured')
  })

  it('shows beforehand what it would do', async () => {
    const { stdout, code } = await kubectl('diff --server-side --force-conflicts -f -', deployment('web', 7))
    expect(code).toBe(1)
    expect(stdout).toContain('-  replicas: 5\n+  replicas: 7')
    expect(((await read('deployment web')) as Deployment).spec?.replicas).toBe(5)
    const dryRun = await kubectl('apply --server-side --dry-run=server -f -', deployment('dry', 1))
    expect(dryRun.stdout).toContain('deployment.apps/dry serverside-applied (server dry run)')
    expect((await kubectl('get deployment dry')).stderr).toContain('not found')
  })

  it('hides the book from people who do not ask for it', async () => {
    expect(await server.kubectl.output('get deployment web -o yaml')).not.toContain('managedFields')
    expect(await server.kubectl.output('get deployment web -o yaml --show-managed-fields')).toContain(
      'k:{"containerPort":80,"protocol":"TCP"}:',
    )
  })

  it('knows whom kubectl scale took the replicas from', async () => {
    await server.kubectl.output('scale deployment web --replicas=9')
    expect(managers(await read('deployment web'))).toEqual(['kubectl Apply', 'other Apply', 'kubectl Update scale'])
    const refusal = await kubectl('apply --server-side -f -', deployment('web', 1))
    expect(refusal.stderr).toContain('conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas')
  })

  it('goes through the doors of status and scale, too', async () => {
    const status = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: old }\nstatus: { observedGeneration: 4 }\n'
    await applied(status, '--field-manager=robot --subresource=status')
    const proxy = await startKubectlProxy(server.kubectl.kubeconfig)
    const url = `${proxy.url}/apis/apps/v1/namespaces/default/deployments/old/scale?fieldManager=robot&force=true`
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'old' }, spec: { replicas: 6 } }
    const headers = { 'Content-Type': 'application/apply-patch+yaml' }
    const answer = await fetch(url, { method: 'PATCH', headers, body: JSON.stringify(scale) })
    expect(await answer.json()).toMatchObject({ kind: 'Scale', spec: { replicas: 6 } })
    await proxy.stop()
    const old = (await read('deployment old')) as Deployment
    expect([old.spec?.replicas, old.status?.observedGeneration]).toEqual([6, 4])
    expect(managers(old)).toEqual(expect.arrayContaining(['robot Apply status', 'robot Apply scale']))
  })

  it('is refused for what is no configuration', async () => {
    const wrong = await kubectl('apply --server-side --validate=false -f -', configMap('{ a: "1" }\ndta: {}'))
    expect(wrong.stderr).toContain(
      'failed to create typed patch object (default/settings; /v1, Kind=ConfigMap): .dta: field not declared in schema',
    )
  })
})
