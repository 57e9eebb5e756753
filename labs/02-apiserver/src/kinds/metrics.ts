/** What nodes and pods use at this moment: measured when it is asked for, and stored nowhere. */
import type { KindRow } from '#kit/contracts/apiserver.ts'

export const METRICS_GROUP = 'metrics.k8s.io'

function metricsRow(kind: string, plural: string, scope: 'namespaced' | 'cluster'): KindRow {
  return {
    resource: {
      group: METRICS_GROUP,
      version: 'v1beta1',
      kind,
      plural,
      singular: '',
      namespaced: scope === 'namespaced',
      shortNames: [],
      categories: [],
    },
    verbs: ['get', 'list'],
    subresources: [],
    storagePrefix: '',
    virtual: true,
  }
}

export const metricsRows: readonly KindRow[] = [
  metricsRow('NodeMetrics', 'nodes', 'cluster'),
  metricsRow('PodMetrics', 'pods', 'namespaced'),
]
