/**
 * Half a cluster in one process: a real API server, a real kubelet with certificates of its own, and a kubectl. The runtime
 * only pretends, so no container engine is needed; there is no scheduler, so pods name their node, `node-2`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKubelet } from '#kubelet/kubelet.ts'
import type { Node, Pod, Stored } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import { startTestApiServer, type TestApiServer } from '../../apiserver/testing/test-api-server.ts'
import { createApiClient } from '../../client/api-client.ts'
import { silentLog } from '../../contracts/log.ts'
import { createFakeRuntime, type FakeRuntime } from '../../runtime/fake-runtime.ts'
import { eventually } from '../../testing/eventually.ts'

export const NODE = 'node-2'
/** Pods that pretend are quick. */
const POD_LIMIT_MS = 10_000

export interface KubeletCluster extends Pick<TestApiServer, 'kubectl' | 'client'> {
  readonly runtime: FakeRuntime
  /** Creates a pod on the node, of containers that sleep, and waits until it runs. */
  runPod(name: string, spec?: Partial<NonNullable<Pod['spec']>>): Promise<Stored<Pod>>
  untilPod(name: string, satisfies: (pod: Stored<Pod>) => boolean): Promise<Stored<Pod>>
  stop(): Promise<void>
}

export async function startKubeletCluster(): Promise<KubeletCluster> {
  const server = await startTestApiServer()
  const { authority, client, kubectl } = server
  // There is no controller here that would make what a token's volume is made of.
  const account = await client.get(resources.serviceAccounts, { namespace: 'default', name: 'default' })
  await client.update(resources.serviceAccounts, { ...account, automountServiceAccountToken: false })
  const runtime = createFakeRuntime()
  const rootDir = mkdtempSync(join(tmpdir(), 'brain-and-muscle-kubelet-'))
  const [own, serving] = await Promise.all([
    authority.issue({ commonName: `system:node:${NODE}`, organizations: ['system:nodes'], usages: ['client'] }),
    authority.issue({ commonName: NODE, usages: ['server'], ips: ['127.0.0.1'] }),
  ])
  const port = await freePort()
  const kubelet = await startKubelet({
    client: createApiClient({
      server: server.url,
      certificateAuthority: authority.cert,
      clientCertificate: own.cert,
      clientKey: own.key,
    }),
    runtime,
    nodeName: NODE,
    nodeIp: '127.0.0.1',
    podCidr: '10.244.2.0/24',
    rootDir,
    server: {
      address: '127.0.0.1',
      port,
      tls: { cert: serving.cert, key: serving.key, clientCa: authority.cert },
    },
    log: silentLog,
  })
  await eventually(() => client.get<Node>(resources.nodes, { name: NODE }))

  const untilPod = (name: string, satisfies: (pod: Stored<Pod>) => boolean) =>
    eventually(async () => {
      const pod = await client.get<Pod>(resources.pods, { namespace: 'default', name })
      if (!satisfies(pod)) throw new Error(`the pod is not as told, but ${JSON.stringify(pod.status)}`)
      return pod
    }, POD_LIMIT_MS)
  return {
    kubectl,
    client,
    runtime,
    async runPod(name, spec = {}) {
      const containers = [{ name: 'main', image: 'demo:1', command: ['sh', '-c', 'trap "exit 0" TERM; sleep 1000'] }]
      await client.create<Pod>(resources.pods, {
        metadata: { name, namespace: 'default' },
        spec: { nodeName: NODE, terminationGracePeriodSeconds: 1, containers, ...spec },
      })
      return untilPod(name, ({ status }) => status?.phase === 'Running')
    },
    untilPod,
    async stop() {
      await kubelet.stop()
      await server.stop()
      rmSync(rootDir, { recursive: true, force: true })
    },
  }
}

/** The node's object names the port, so it has to be known beforehand. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
