/**
 * What a kubelet may write on the whole server, with the real kubectl under a kubelet's certificate.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { describeWith } from '../testing/tools.ts'
import type { Kubectl } from './testing/kubectl.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

describeWith(['kubectl'], 'a kubelet', () => {
  let server: TestApiServer
  let kubelet: Kubectl
  beforeAll(async () => {
    server = await startTestApiServer()
    kubelet = await server.kubectlAs('system:node:node-1', ['system:nodes'])
    await server.kubectl.output('create serviceaccount robot')
    await server.kubectl.output('create -f -', { stdin: worker })
    await server.kubectl.output('create -f -', {
      stdin: worker.replaceAll('worker', 'elsewhere').replace('node-1', 'node-2'),
    })
  })
  afterAll(async () => {
    await server?.stop()
  })

  const refused = async (command: string, stdin?: string) => (await kubelet(command, stdin ? { stdin } : {})).stderr
  const uidOf = async (pod: string) =>
    (await server.client.get(resources.pods, { namespace: 'default', name: pod })).metadata.uid

  it('finds its new node tainted, and may not take that taint away', async () => {
    const taints = await kubelet.output('get node node-1 -o jsonpath={.spec.taints}')
    expect(JSON.parse(taints)).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
    expect(await refused('taint node node-1 node.kubernetes.io/not-ready-')).toContain(
      'nodes "node-1" is forbidden: node "node-1" is not allowed to modify taints',
    )
  })

  it('labels its node with what the machine is, and not with what it is trusted with', async () => {
    await kubelet.output('label node node-1 node.kubernetes.io/instance-type=small team=shop')
    expect(await refused('label node node-1 node-restriction.kubernetes.io/vault=yes')).toContain(
      'nodes "node-1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/vault',
    )
    expect(await refused('label node node-1 node-role.kubernetes.io/control-plane=')).toContain(
      'is not allowed to modify labels: node-role.kubernetes.io/control-plane',
    )
  })

  it('creates no pods but those that it runs anyway', async () => {
    expect(await refused('create -f -', worker.replaceAll('worker', 'other'))).toContain(
      'pods "other" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "node-1" can only create mirror pods',
    )
    const { uid } = (await server.client.get(resources.nodes, { name: 'node-1' })).metadata
    expect(await refused('create -f -', mirror(uid).replace('spec:', 'spec:\n  serviceAccountName: robot'))).toContain(
      'pods "static" is forbidden: a mirror pod may not reference service accounts',
    )
    expect(await refused('create -f -', mirror('another'))).toContain(
      `node node-1 UID mismatch: expected another got ${uid}`,
    )
    await kubelet.output('create -f -', { stdin: mirror(uid) })
    const spec = JSON.parse(await server.kubectl.output('get pod static -o jsonpath={.spec}'))
    expect(spec.volumes, 'volumes of a pod that only shows another').toBeUndefined()
  })

  it('gets tokens for its pods only, bound to them, for audiences that they have asked for', async () => {
    const bound = async (pod: string) =>
      `--bound-object-kind Pod --bound-object-name ${pod} --bound-object-uid ${await uidOf(pod)}`
    await kubelet.output(`create token robot ${await bound('worker')}`)
    await kubelet.output(`create token robot --audience=vault ${await bound('worker')}`)
    expect(await refused('create token robot')).toContain(
      'serviceaccounts "robot" is forbidden: node requested token not bound to a pod',
    )
    expect(await refused(`create token robot ${await bound('elsewhere')}`)).toContain(
      'node requested token bound to a pod scheduled on a different node',
    )
    expect(await refused(`create token robot --audience=bank ${await bound('worker')}`)).toContain(
      'audience "bank" not found in pod spec volume',
    )
    expect(await refused('create token default')).toContain('cannot create resource "serviceaccounts/token"')
  })
})

const worker = `
apiVersion: v1
kind: Pod
metadata: {name: worker}
spec:
  nodeName: node-1
  serviceAccountName: robot
  containers: [{name: main, image: registry.example/worker:1}]
  volumes: [{name: vault, projected: {sources: [{serviceAccountToken: {path: token, audience: vault}}]}}]
`

const mirror = (nodeUid: string) => `
apiVersion: v1
kind: Pod
metadata:
  name: static
  annotations: {kubernetes.io/config.mirror: hash}
  ownerReferences: [{apiVersion: v1, kind: Node, name: node-1, uid: ${nodeUid}, controller: true}]
spec:
  nodeName: node-1
  containers: [{name: main, image: registry.example/static:1}]
`
