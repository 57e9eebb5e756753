/**
 * Our whole API server over TLS on loopback, its state in memory or in an etcd, with a node whose kubelet is a fake, and a kubectl that is
 * the administrator's.
 */
import { generateKeyPairSync } from 'node:crypto'
import { type ApiServerOptions, startApiServer } from '#apiserver/server.ts'
import type { CoreEvent, Deployment, Node, ReplicaSet } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import { hasReason } from '../../api/status-error.ts'
import { createApiClient } from '../../client/api-client.ts'
import { type Authority, createAuthority } from '../../cluster/pki.ts'
import type { ApiClient } from '../../contracts/api-client.ts'
import { silentLog } from '../../contracts/log.ts'
import { createSimEtcdStore } from '../../sim/etcd-store.ts'
import { startFakeKubelet } from './fake-kubelet.ts'
import { createKubectl, type Kubectl } from './kubectl.ts'

export interface TestApiServer {
  readonly kubectl: Kubectl
  /** The administrator's kubectl of another version; removed when the server stops. */
  kubectlOf(program: string): Kubectl
  readonly client: ApiClient
  readonly url: string
  /** For certificates that the server believes. */
  readonly authority: Authority
  /** The kubectl of somebody else, with a certificate; removed when the server stops. */
  kubectlAs(user: string, groups?: readonly string[]): Promise<Kubectl>
  /** A client whom only the token speaks for. */
  clientWithToken(token: string): ApiClient
  /** What the Deployment controller would have made, had it been asked to run this image. */
  createReplicaSet(deployment: string, revision: number, image: string): Promise<void>
  createEvent(pod: string, reason: string, message: string): Promise<void>
  stop(): Promise<void>
}

/** @param etcd where the state is kept; in memory when not given */
export async function startTestApiServer(
  etcd: ApiServerOptions['etcd'] = createSimEtcdStore(),
): Promise<TestApiServer> {
  const authority = await createAuthority()
  const [serving, admin, kubeletClient, node] = await Promise.all([
    authority.issue({ commonName: 'kube-apiserver', usages: ['server'], ips: ['127.0.0.1'] }),
    authority.issue({ commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] }),
    authority.issue({
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['system:masters'],
      usages: ['client'],
    }),
    authority.issue({ commonName: 'node-1', usages: ['server'], ips: ['127.0.0.1'] }),
  ])
  const kubelet = await startFakeKubelet({
    certificate: node.cert,
    privateKey: node.key,
    clientCertificateAuthority: authority.cert,
  })
  const server = await startApiServer({
    etcd,
    bindAddresses: ['127.0.0.1'],
    port: 0,
    advertiseAddress: '127.0.0.1',
    serviceClusterIpRange: '10.96.0.0/16',
    tls: { certificate: serving.cert, privateKey: serving.key, clientCertificateAuthority: authority.cert },
    kubelet: {
      certificateAuthority: authority.cert,
      clientCertificate: kubeletClient.cert,
      clientPrivateKey: kubeletClient.key,
    },
    accountTokens: {
      issuer: 'https://kubernetes.default.svc',
      signingKey: generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    },
    log: silentLog,
  })
  const connection = {
    server: `https://127.0.0.1:${server.port}`,
    certificateAuthority: authority.cert,
    clientCertificate: admin.cert,
    clientKey: admin.key,
  }
  const client = createApiClient(connection)
  const kubectl = createKubectl(connection)
  await untilReady(client)
  // What the controllers of a whole cluster would do.
  await client.create(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  await createNode(client, kubelet.port)

  const others: Kubectl[] = []
  return {
    kubectl,
    client,
    url: connection.server,
    authority,
    kubectlOf(program) {
      const other = createKubectl(connection, program)
      others.push(other)
      return other
    },
    async kubectlAs(user, groups = []) {
      const { cert, key } = await authority.issue({ commonName: user, organizations: groups, usages: ['client'] })
      const other = createKubectl({ ...connection, clientCertificate: cert, clientKey: key })
      others.push(other)
      return other
    },
    clientWithToken: (token) =>
      createApiClient({ server: connection.server, certificateAuthority: authority.cert, token }),
    createReplicaSet: (deployment, revision, image) => createReplicaSet(client, deployment, revision, image),
    createEvent: (pod, reason, message) => createEvent(client, pod, reason, message),
    async stop() {
      client.close()
      await server.stop()
      await kubelet.stop()
      for (const each of [kubectl, ...others]) each.remove()
    },
  }
}

/** The namespace `default` is among the first things that a new server makes. */
async function untilReady(client: ApiClient): Promise<void> {
  for (;;) {
    try {
      await client.get(resources.namespaces, { name: 'default' })
      return
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

async function createNode(client: ApiClient, kubeletPort: number): Promise<void> {
  const node = await client.create<Node>(resources.nodes, {
    metadata: { name: 'node-1' },
    spec: { podCIDR: '10.244.1.0/24' },
  })
  const status: Node['status'] = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    capacity: { cpu: '2', memory: '4Gi', pods: '110' },
    allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      architecture: 'amd64',
      bootID: '',
      containerRuntimeVersion: 'fake://1',
      kernelVersion: '6.1',
      kubeProxyVersion: '',
      kubeletVersion: 'v1.32.0',
      machineID: '',
      operatingSystem: 'linux',
      osImage: 'Linux',
      systemUUID: '',
    },
  }
  await client.update<Node>(resources.nodes, { ...node, status }, 'status')
}

async function createReplicaSet(client: ApiClient, owner: string, revision: number, image: string): Promise<void> {
  const deployment = await client.get<Deployment>(resources.deployments, { namespace: 'default', name: owner })
  const labels = { ...deployment.spec!.template.metadata?.labels, 'pod-template-hash': `hash${revision}` }
  await client.create<ReplicaSet>(resources.replicaSets, {
    metadata: {
      name: `${owner}-hash${revision}`,
      namespace: 'default',
      labels,
      annotations: { 'deployment.kubernetes.io/revision': `${revision}` },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: owner, uid: deployment.metadata.uid, controller: true },
      ],
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image }] } },
    },
  })
}

async function createEvent(client: ApiClient, pod: string, reason: string, message: string): Promise<void> {
  const { metadata } = await client.get(resources.pods, { namespace: 'default', name: pod })
  const timestamp = new Date().toISOString().replace(/\.\d+/, '')
  await client.create<CoreEvent>(resources.coreEvents, {
    metadata: { name: `${pod}.${reason.toLowerCase()}`, namespace: 'default' },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: pod, uid: metadata.uid },
    type: 'Normal',
    reason,
    message,
    source: { component: 'default-scheduler' },
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    count: 1,
  })
}
