/** What kubectl asks about the server itself: version, resources, explanations, permissions; and other versions of kubectl. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { describeKubectl } from '../testing/describe-kubectl.ts'
import { deployment } from '../testing/manifests.ts'

describeKubectl('finds out what there is', ({ output, failure, run, server }) => {
  it('version, cluster-info', async () => {
    expect(await output('version')).toMatch(/Server Version: v1\.32\.\d+\+brain-and-muscle\n$/)
    expect(JSON.parse(await output('version -o json'))).toMatchObject({ serverVersion: { major: '1', minor: '32' } })
    expect(await output('cluster-info')).toMatch(
      /^Kubernetes control plane is running at https:\/\/127\.0\.0\.1:\d+\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'\.\n$/,
    )
    expect(await output('cluster-info dump')).toContain('"kind": "NodeList"')
    mkdirSync(join(server().kubectl.directory, 'dump'))
    await output('cluster-info dump --output-directory=dump --namespaces=default')
    expect(readFileSync(join(server().kubectl.directory, 'dump/nodes.json'), 'utf8')).toContain('"name": "node-1"')
  })

  it('api-resources, api-versions', async () => {
    const lines = (await output('api-resources')).split('\n').map((line) => line.trim().split(/ +/).join(' '))
    expect(lines).toContain('deployments deploy apps/v1 true Deployment')
    expect(lines).toContain('nodes no v1 false Node')
    expect(await output('api-resources --namespaced=false -o name')).toContain('nodes\n')
    expect(await output('api-resources --api-group=batch -o name --sort-by=name')).toBe('cronjobs.batch\njobs.batch\n')
    expect(await output('api-resources --verbs=list,get -o name')).not.toContain('tokenreviews')
    expect((await output('api-versions')).split('\n')).toContain('discovery.k8s.io/v1')
  })

  it('explain: every field of every kind, with its description', async () => {
    expect(await output('explain pod.spec.containers')).toMatch(
      /^KIND: +Pod\nVERSION: +v1\n\nFIELD: containers <\[\]Container>\n\n\nDESCRIPTION:\n {4}List of containers belonging to the pod\./,
    )
    expect(await output('explain deployment.spec.strategy --recursive')).toMatch(
      /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n.*rollingUpdate\t<RollingUpdateDeployment>\n {4}maxSurge\t<IntOrString>\n/s,
    )
    expect(await failure('explain pod.spec.nosuch')).toBe('error: field "nosuch" does not exist\n')
    // Two at a time: most of it is kubectl's own work.
    const kinds = kindRows.filter(({ verbs }) => verbs.includes('list')).map(({ resource }) => resource)
    while (kinds.length > 0) {
      await Promise.all(
        kinds.splice(0, 2).map(async ({ group, version, plural, kind }) => {
          const text = await output(`explain ${plural} --recursive --api-version=${group ? `${group}/` : ''}${version}`)
          expect(text).toMatch(
            new RegExp(`KIND: +${kind}\\nVERSION: +${version}\\n\\nDESCRIPTION:\\n {4}(?!<empty>)\\S`),
          )
          expect(text).toMatch(
            /FIELDS:\n.* {2}metadata\t<ObjectMeta>( -required-)?\n {4}annotations\t<map\[string\]string>\n/s,
          )
        }),
      )
    }
  })

  it('explain: out of the older document, too', async () => {
    expect(await output('explain deploy.spec.strategy --output=plaintext-openapiv2')).toMatch(
      /^KIND: +Deployment\nVERSION: +apps\/v1\n\nRESOURCE: strategy <Object>\n/,
    )
  })

  it('auth: may I, who am I', async () => {
    expect(await output('auth can-i create pods')).toBe('yes\n')
    expect(await output('auth can-i --list')).toMatch(
      /^Resources +Non-Resource URLs +Resource Names +Verbs\n\*\.\* +\[\] +\[\] +\[\*\]\n/,
    )
    expect(await output('auth whoami')).toMatch(
      /^ATTRIBUTE +VALUE\nUsername +kubernetes-admin\nGroups +\[system:masters system:authenticated\]\nExtra: authentication.kubernetes.io\/credential-id +\[X509SHA256=[0-9a-f]{64}\]\n$/,
    )
    const review = async (group: string, kind: string, spec: object) => {
      const [short] = group.split('.')
      const stdin = JSON.stringify({ apiVersion: `${group}/v1`, kind, ...(short === 'authorization' && { spec }) })
      return JSON.parse(await output(`create --raw /apis/${group}/v1/${kind.toLowerCase()}s -f -`, { stdin }))
    }
    const resourceAttributes = { namespace: 'default', verb: 'create', resource: 'pods' }
    const access = await review('authorization.k8s.io', 'SelfSubjectAccessReview', { resourceAttributes })
    expect(access).toMatchObject({ metadata: { creationTimestamp: null }, spec: { resourceAttributes } })
    expect(access.status).toEqual({ allowed: true })
    const rules = await review('authorization.k8s.io', 'SelfSubjectRulesReview', { namespace: 'default' })
    expect(rules).toMatchObject({ spec: {}, status: { incomplete: false } })
    const self = await review('authentication.k8s.io', 'SelfSubjectReview', {})
    expect(self.metadata.creationTimestamp).toMatch(/Z$/)

    const ann = await server().kubectlAs('ann')
    expect(await ann('auth can-i create pods')).toMatchObject({ code: 1, stdout: 'no\n' })
    const role = (verb: string) =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: default}\nrules: [{apiGroups: [""], resources: [pods], verbs: [${verb}]}]\n`
    const reconciled = /^role\.rbac\.authorization\.k8s\.io\/r reconciled\n/
    expect(await output('auth reconcile -f -', { stdin: role('get') })).toMatch(reconciled)
    expect(await output('auth reconcile -f -', { stdin: role('list') })).toMatch(reconciled)
    expect(await output(`get role r -o 'jsonpath={.rules[*].verbs}'`)).toBe('["get"] ["list"]')
  })

  it('proxy: what others ask for with our credentials', async () => {
    let answer: Promise<unknown> | undefined
    await run('proxy --port=0', {
      async enough(text) {
        const [, address] = /^Starting to serve on (127\.0\.0\.1:\d+)\n/.exec(text) ?? []
        if (address) answer ??= fetch(`http://${address}/api/v1/namespaces/default`).then((response) => response.json())
        await answer
        return answer !== undefined
      },
    })
    expect(await answer).toMatchObject({ kind: 'Namespace' })
  })

  for (const program of otherVersions()) {
    it(`${program.split('/').at(-1)}: the everyday commands`, async () => {
      const kubectl = server().kubectlOf(program)
      const stdin = deployment('web')
      expect(await kubectl.output('apply -f -', { stdin })).toBe('deployment.apps/web created\n')
      expect(await kubectl.output('apply -f -', { stdin })).toBe('deployment.apps/web unchanged\n')
      expect((await kubectl('diff -f -', { stdin })).code).toBe(0)
      expect((await kubectl('create -f -', { stdin: `${deployment('x')}  nosuch: 1\n` })).stderr).toContain(
        'strict decoding error: unknown field "spec.nosuch"',
      )
      expect(await kubectl.output('get deploy -o wide --no-headers')).toMatch(/^web +0\/3 /)
      expect(await kubectl.output('explain deploy.spec.strategy --recursive')).toContain('maxSurge')
      expect(await kubectl.output('describe deploy web')).toContain('StrategyType:           RollingUpdate')
      expect(await kubectl.output('scale deploy/web --replicas=1')).toBe('deployment.apps/web scaled\n')
      expect(await kubectl.output('set image deploy/web web=web:2')).toBe('deployment.apps/web image updated\n')
      expect(await kubectl.output('rollout restart deploy/web')).toBe('deployment.apps/web restarted\n')
      expect(await kubectl.output('create configmap old --from-literal=a=b')).toBe('configmap/old created\n')
      expect(await kubectl.output('auth can-i create pods')).toBe('yes\n')
      expect(await kubectl.output('delete deploy/web cm/old')).toBe(
        'deployment.apps "web" deleted\nconfigmap "old" deleted\n',
      )
    })
  }
})

/** Some distributions install several versions side by side: kubectl.1.27 beside kubectl. */
function otherVersions(): string[] {
  const { stdout } = spawnSync('sh', ['-c', 'command -v kubectl'], { encoding: 'utf8' })
  // Where there is no shell, or no kubectl, these tests are skipped anyway.
  const path = stdout?.trim() ?? ''
  if (!existsSync(path)) return []
  const directory = dirname(realpathSync(path))
  return readdirSync(directory)
    .filter((name) => /^kubectl\.1\.\d+$/.test(name))
    .sort()
    .map((name) => join(directory, name))
}
