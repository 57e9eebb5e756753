/**
 * Nodes in one line. Source: kubernetes `pkg/printers/internalversion/printers.go`, `printNode`.
 */
import type { Node } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer, wideColumn } from './columns.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'

export const nodePrinter: Printer<Node> = {
  columns: [
    nameColumn,
    column('Status', 'Whether the node is ready and takes new pods.'),
    column('Roles', 'The roles that labels give the node.'),
    ageColumn,
    column('Version', "The kubelet's version."),
    wideColumn('Internal-IP', 'The address within the cluster.'),
    wideColumn('External-IP', 'The address for the world outside.'),
    wideColumn('OS-Image', 'The operating system.'),
    wideColumn('Kernel-Version', 'The kernel.'),
    wideColumn('Container-Runtime', 'The container runtime and its version.'),
  ],
  cells(node, nowMs) {
    const info = node.status?.nodeInfo
    return [
      node.metadata?.name ?? '',
      statusOf(node),
      rolesOf(node).join(',') || NONE,
      age(node.metadata?.creationTimestamp, nowMs),
      info?.kubeletVersion ?? '',
      addressOf(node, 'InternalIP'),
      addressOf(node, 'ExternalIP'),
      info?.osImage || '<unknown>',
      info?.kernelVersion || '<unknown>',
      info?.containerRuntimeVersion || '<unknown>',
    ]
  },
}

function statusOf(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown']
  if (node.spec?.unschedulable) words.push('SchedulingDisabled')
  return words.join(',')
}

/** From labels such as `node-role.kubernetes.io/control-plane`, or the older `kubernetes.io/role: worker`. */
function rolesOf(node: Node): string[] {
  const roles = new Set<string>()
  for (const [label, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (label.startsWith(ROLE_PREFIX) && label.length > ROLE_PREFIX.length) roles.add(label.slice(ROLE_PREFIX.length))
    if (label === 'kubernetes.io/role' && value) roles.add(value)
  }
  return [...roles].sort()
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? NONE
}
