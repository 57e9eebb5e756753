/**
 * The cluster's parts list: which processes run, and with which flags. Pure, so that it can be read and tested as a table.
 *
 * Flags have upstream's names: each line here could start the real component.
 */
import { join } from 'node:path'
import type { ClusterDirectory } from './cluster-directory.ts'
import { type ClusterLayout, type NodeLayout, SERVICE_CIDR } from './layout.ts'

export interface Component {
  /** Unique in the cluster: "etcd-1", "kubelet-node-2". Names its log file and its place in `status`. */
  readonly name: string
  /** The program: a file in kit/cluster/processes. */
  readonly program: Program
  readonly args: readonly string[]
}

export const PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-scheduler',
  'kube-controller-manager',
  'cloud-controller-manager',
  'kubelet',
  'kube-proxy',
] as const
export type Program = (typeof PROGRAMS)[number]

/** Which lab a program is written in. */
export const LAB_OF_PROGRAM: Readonly<Record<Program, number>> = {
  etcd: 1,
  'kube-apiserver': 2,
  'kube-scheduler': 3,
  'kube-controller-manager': 4,
  'cloud-controller-manager': 4,
  kubelet: 5,
  'kube-proxy': 6,
}

export interface ComponentOptions {
  readonly directory: ClusterDirectory
  readonly layout: ClusterLayout
  readonly runtime: 'docker' | 'fake'
  /** Use these instead of members of our own: `http://127.0.0.1:2379`. */
  readonly etcdEndpoints?: readonly string[] | undefined
  /** What the API server is not to look at in writes. */
  readonly disabledAdmissionPlugins?: readonly string[]
}

export function planComponents(options: ComponentOptions): Component[] {
  const { layout } = options
  return [
    ...(options.etcdEndpoints ? [] : layout.etcdMembers.map((member) => etcdMember(options, member))),
    apiServer(options),
    clientOfApiServer(options, 'kube-scheduler'),
    clientOfApiServer(options, 'kube-controller-manager', ['--cluster-cidr', layout.network.subnet]),
    clientOfApiServer(options, 'cloud-controller-manager'),
    ...layout.nodes.flatMap((node) => [kubelet(options, node), kubeProxy(options, node)]),
  ]
}

type Member = ClusterLayout['etcdMembers'][number]

function etcdMember({ directory, layout }: ComponentOptions, member: Member): Component {
  const pki = (file: string) => join(directory.pki, file)
  const peerUrl = ({ peerPort }: Member) => `https://127.0.0.1:${peerPort}`
  return {
    name: member.name,
    program: 'etcd',
    args: [
      ...['--name', member.name],
      ...['--data-dir', join(directory.data, member.name)],
      ...['--listen-client-urls', `https://127.0.0.1:${member.clientPort}`],
      ...['--listen-peer-urls', peerUrl(member)],
      ...['--initial-cluster', layout.etcdMembers.map((one) => `${one.name}=${peerUrl(one)}`).join(',')],
      ...['--cert-file', pki('etcd.crt'), '--key-file', pki('etcd.key'), '--trusted-ca-file', pki('ca.crt')],
      '--client-cert-auth',
      ...[
        '--peer-cert-file',
        pki('etcd.crt'),
        '--peer-key-file',
        pki('etcd.key'),
        '--peer-trusted-ca-file',
        pki('ca.crt'),
      ],
    ],
  }
}

function apiServer({ directory, layout, etcdEndpoints, disabledAdmissionPlugins = [] }: ComponentOptions): Component {
  const pki = (file: string) => join(directory.pki, file)
  const { gateway } = layout.network
  const ownEtcd = [
    ...['--etcd-servers', layout.etcdMembers.map(({ clientPort }) => `https://127.0.0.1:${clientPort}`).join(',')],
    ...['--etcd-cafile', pki('ca.crt')],
    ...['--etcd-certfile', pki('apiserver-etcd-client.crt'), '--etcd-keyfile', pki('apiserver-etcd-client.key')],
  ]
  return {
    name: 'kube-apiserver',
    program: 'kube-apiserver',
    args: [
      ...(etcdEndpoints ? ['--etcd-servers', etcdEndpoints.join(',')] : ownEtcd),
      ...['--bind-address', [...new Set(['127.0.0.1', gateway])].join(',')],
      ...['--secure-port', String(layout.apiServerPort), '--advertise-address', gateway],
      ...['--tls-cert-file', pki('apiserver.crt'), '--tls-private-key-file', pki('apiserver.key')],
      ...['--client-ca-file', pki('ca.crt')],
      ...['--service-cluster-ip-range', SERVICE_CIDR],
      ...(disabledAdmissionPlugins.length > 0
        ? ['--disable-admission-plugins', disabledAdmissionPlugins.join(',')]
        : []),
      ...['--service-account-issuer', 'https://kubernetes.default.svc.cluster.local'],
      ...['--service-account-signing-key-file', pki('service-account.key')],
      ...['--service-account-key-file', pki('service-account.pub')],
      ...['--kubelet-certificate-authority', pki('ca.crt')],
      ...['--kubelet-client-certificate', pki('apiserver-kubelet-client.crt')],
      ...['--kubelet-client-key', pki('apiserver-kubelet-client.key')],
    ],
  }
}

function clientOfApiServer({ directory }: ComponentOptions, program: Program, more: readonly string[] = []): Component {
  return { name: program, program, args: ['--kubeconfig', directory.kubeconfigOf(program), ...more] }
}

function kubelet({ directory, layout, runtime }: ComponentOptions, node: NodeLayout): Component {
  const pki = (file: string) => join(directory.pki, file)
  const name = `kubelet-${node.name}`
  return {
    name,
    program: 'kubelet',
    args: [
      ...['--kubeconfig', directory.kubeconfigOf(name), '--hostname-override', node.name],
      ...['--node-ip', node.ip, '--pod-cidr', node.podCidr],
      ...['--address', layout.network.gateway, '--port', String(node.kubeletPort)],
      ...['--tls-cert-file', pki(`${name}-serving.crt`), '--tls-private-key-file', pki(`${name}-serving.key`)],
      ...['--client-ca-file', pki('ca.crt')],
      ...['--runtime', runtime, '--cluster-name', directory.name],
      ...['--network', `bm-${directory.name}`, '--gateway', layout.network.gateway],
      ...['--root-dir', join(directory.data, name)],
    ],
  }
}

function kubeProxy({ directory, layout, runtime }: ComponentOptions, node: NodeLayout): Component {
  const container = runtime === 'docker' ? ['--node-container', `bm-${directory.name}-${node.name}`] : []
  return {
    name: `kube-proxy-${node.name}`,
    program: 'kube-proxy',
    args: [
      ...['--kubeconfig', directory.kubeconfigOf('kube-proxy'), '--hostname-override', node.name],
      ...['--node-ip', node.ip, '--cluster-cidr', layout.network.subnet, ...container],
    ],
  }
}
