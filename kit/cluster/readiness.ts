/** Waiting for a cluster to be ready: every node that was asked for says Ready. */
import { existsSync } from 'node:fs'
import type { Lease, Node } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { createApiClient } from '../client/api-client.ts'
import { loadKubeconfig } from '../client/kubeconfig.ts'
import { describeError } from '../contracts/log.ts'
import type { ClusterDirectory } from './cluster-directory.ts'

export interface Progress {
  readonly ready: number
  readonly asked: number
  /** Why it is not further yet, in one sentence. */
  readonly reason: string
}

export interface ReadinessOptions {
  readonly directory: ClusterDirectory
  readonly nodes: readonly string[]
  /** Only heartbeats after this moment count: a resumed cluster remembers that its nodes were ready once. */
  readonly sinceMs: number
  readonly timeoutMs: number
  readonly report: (progress: Progress) => void
  /** Returns a reason to give up early, for instance that the learner has parts to write first. */
  readonly hopeless: () => boolean
}

const POLL_MS = 50

/** @returns whether all nodes became ready in time. */
export async function untilNodesReady(options: ReadinessOptions): Promise<boolean> {
  const deadlineMs = Date.now() + options.timeoutMs
  while (Date.now() < deadlineMs) {
    const progress = await readProgress(options)
    options.report(progress)
    if (progress.ready === progress.asked) return true
    if (options.hopeless()) return false
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return false
}

async function readProgress({ directory, nodes, sinceMs }: ReadinessOptions): Promise<Progress> {
  const asked = nodes.length
  if (!existsSync(directory.kubeconfig)) return { ready: 0, asked, reason: 'there is no kubeconfig yet' }
  const client = createApiClient(loadKubeconfig(directory.kubeconfig))
  try {
    const [all, leases] = await Promise.all([
      client.list<Node>(resources.nodes),
      client.list<Lease>(resources.leases, { namespace: 'kube-node-lease' }),
    ])
    const alive = new Set(
      leases.items.filter((lease) => renewedSince(lease, sinceMs)).map((lease) => lease.metadata.name),
    )
    const ready = all.items.filter(
      (node) => nodes.includes(node.metadata.name) && alive.has(node.metadata.name) && isReady(node),
    ).length
    return { ready, asked, reason: `${ready} of ${asked} nodes are ready` }
  } catch (error) {
    return { ready: 0, asked, reason: `the API server does not answer yet: ${describeError(error)}` }
  } finally {
    client.close()
  }
}

function isReady({ status }: Pick<Node, 'status'>): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
}

/** A node's Lease is its heartbeat. */
function renewedSince({ spec }: Pick<Lease, 'spec'>, sinceMs: number): boolean {
  return Date.parse(String(spec?.renewTime)) >= sinceMs
}
