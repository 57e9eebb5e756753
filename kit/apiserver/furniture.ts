/**
 * Objects that a cluster is furnished with, as plain data: which requests wait for which (nobody waits here, but clients and
 * controllers look), and which group-versions are served.
 *
 * Source: apiserver `pkg/apis/flowcontrol/bootstrap/default.go`; kubernetes `pkg/controlplane/apiserver/aggregator.go`.
 */
import type { ApiObject, FlowSchema, PriorityLevelConfiguration } from '../api/objects.ts'

interface Queuing {
  readonly queues: number
  readonly handSize: number
  readonly queueLengthLimit: number
}
const MANY: Queuing = { queues: 128, handSize: 6, queueLengthLimit: 50 }
const SOME: Queuing = { queues: 64, handSize: 6, queueLengthLimit: 50 }
const FEW: Queuing = { queues: 16, handSize: 4, queueLengthLimit: 50 }

/** Name → share of the requests at a time, how much of it others may borrow (percent), and where requests wait. */
const LEVELS: Readonly<Record<string, readonly [shares: number, lendable: number, queuing?: Queuing]>> = {
  'catch-all': [5, 0],
  'global-default': [20, 50, MANY],
  'leader-election': [10, 0, FEW],
  'node-high': [40, 25, SOME],
  system: [30, 33, SOME],
  'workload-high': [40, 50, MANY],
  'workload-low': [100, 90, MANY],
}

type Subject = NonNullable<NonNullable<NonNullable<FlowSchema['spec']>['rules']>[number]['subjects']>[number]
type Rules = NonNullable<NonNullable<FlowSchema['spec']>['rules']>[number]

const group = (name: string): Subject => ({ kind: 'Group', group: { name } })
const user = (name: string): Subject => ({ kind: 'User', user: { name } })
const systemAccounts: Subject = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } }
const everybody = [group('system:unauthenticated'), group('system:authenticated')]

const requests = (verbs: string[], apiGroup: string, plurals: string[], clusterScope: boolean) => ({
  verbs,
  apiGroups: [apiGroup],
  resources: plurals,
  ...(clusterScope && { clusterScope }),
  namespaces: ['*'],
})
const everything: Omit<Rules, 'subjects'> = {
  resourceRules: [requests(['*'], '*', ['*'], true)],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
}

interface FlowFacts {
  readonly level: string
  readonly precedence: number
  readonly distinguishedBy?: 'ByUser' | 'ByNamespace'
  readonly rules: Rules
}

const FLOWS: Readonly<Record<string, FlowFacts>> = {
  exempt: { level: 'exempt', precedence: 1, rules: { subjects: [group('system:masters')], ...everything } },
  probes: {
    level: 'exempt',
    precedence: 2,
    rules: {
      subjects: everybody,
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
    },
  },
  'system-leader-election': {
    level: 'leader-election',
    precedence: 100,
    distinguishedBy: 'ByUser',
    rules: {
      subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), systemAccounts],
      resourceRules: [requests(['get', 'create', 'update'], 'coordination.k8s.io', ['leases'], false)],
    },
  },
  'system-node-high': {
    level: 'node-high',
    precedence: 400,
    distinguishedBy: 'ByUser',
    rules: {
      subjects: [group('system:nodes')],
      resourceRules: [
        requests(['*'], '', ['nodes', 'nodes/status'], true),
        requests(['*'], 'coordination.k8s.io', ['leases'], false),
      ],
    },
  },
  'system-nodes': {
    level: 'system',
    precedence: 500,
    distinguishedBy: 'ByUser',
    rules: { subjects: [group('system:nodes')], ...everything },
  },
  'kube-controller-manager': {
    level: 'workload-high',
    precedence: 800,
    distinguishedBy: 'ByNamespace',
    rules: { subjects: [user('system:kube-controller-manager')], ...everything },
  },
  'kube-scheduler': {
    level: 'workload-high',
    precedence: 800,
    distinguishedBy: 'ByNamespace',
    rules: { subjects: [user('system:kube-scheduler')], ...everything },
  },
  'kube-system-service-accounts': {
    level: 'workload-high',
    precedence: 900,
    distinguishedBy: 'ByNamespace',
    rules: { subjects: [systemAccounts], ...everything },
  },
  'service-accounts': {
    level: 'workload-low',
    precedence: 9000,
    distinguishedBy: 'ByUser',
    rules: { subjects: [group('system:serviceaccounts')], ...everything },
  },
  'global-default': {
    level: 'global-default',
    precedence: 9900,
    distinguishedBy: 'ByUser',
    rules: { subjects: everybody, ...everything },
  },
  'catch-all': {
    level: 'catch-all',
    precedence: 10_000,
    distinguishedBy: 'ByUser',
    rules: { subjects: everybody, ...everything },
  },
}

const keptUpToDate = (name: string) => ({ name, annotations: { 'apf.kubernetes.io/autoupdate-spec': 'true' } })

export function priorityLevels(): PriorityLevelConfiguration[] {
  const limited = Object.entries(LEVELS).map(([name, [shares, lendablePercent, queuing]]) => ({
    metadata: keptUpToDate(name),
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: shares,
        lendablePercent,
        limitResponse: queuing ? { type: 'Queue', queuing: { ...queuing } } : { type: 'Reject' },
      },
    },
  }))
  const exempt = { nominalConcurrencyShares: 0, lendablePercent: 0 }
  return [{ metadata: keptUpToDate('exempt'), spec: { type: 'Exempt', exempt } }, ...limited]
}

/** @param now RFC 3339 */
export function flowSchemas(now: string): FlowSchema[] {
  return Object.entries(FLOWS).map(([name, { level, precedence, distinguishedBy, rules }]) => ({
    metadata: keptUpToDate(name),
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence: precedence,
      ...(distinguishedBy && { distinguisherMethod: { type: distinguishedBy } }),
      rules: [rules],
    },
    status: {
      conditions: [
        {
          type: 'Dangling',
          status: 'False',
          lastTransitionTime: now,
          reason: 'Found',
          message: `This FlowSchema references the PriorityLevelConfiguration object named "${level}" and it exists`,
        },
      ],
    },
  }))
}

/** Clients prefer the group with the higher number. Those that are not here are not announced by an APIService. */
const GROUP_PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'admissionregistration.k8s.io': 16_700,
  'apiextensions.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'metrics.k8s.io': 100,
}
const VERSION_PRIORITY = 15
const OTHER_VERSION_PRIORITIES: Readonly<Record<string, number>> = {
  v1: 1,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'metrics.k8s.io/v1beta1': 100,
}

/**
 * One for each group-version that this server serves itself.
 *
 * @param now RFC 3339
 */
export function localApiServices(
  groupVersions: Iterable<{ readonly group: string; readonly version: string }>,
  now: string,
): ApiObject[] {
  const byName = new Map<string, ApiObject>()
  for (const { group: apiGroup, version } of groupVersions) {
    const groupPriorityMinimum = GROUP_PRIORITIES[apiGroup]
    if (groupPriorityMinimum === undefined) continue
    const name = `${version}.${apiGroup}`
    const apiVersion = apiGroup ? `${apiGroup}/${version}` : version
    byName.set(name, {
      metadata: { name, labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
      spec: {
        ...(apiGroup && { group: apiGroup }),
        version,
        groupPriorityMinimum,
        versionPriority: OTHER_VERSION_PRIORITIES[apiVersion] ?? VERSION_PRIORITY,
      },
      status: {
        conditions: [
          {
            type: 'Available',
            status: 'True',
            lastTransitionTime: now,
            reason: 'Local',
            message: 'Local APIServices are always available',
          },
        ],
      },
    })
  }
  return [...byName.values()]
}
