/**
 * The table of all kinds. Handlers, discovery and storage know no kind by name; whatever is particular about one
 * stands in its row (groups/). A new kind is a new row.
 *
 * Order is discovery's: of groups, and of a group's versions, the first is what clients prefer. Source: kubernetes
 * `pkg/registry` (a strategy and a storage per kind), kube-aggregator `pkg/apiserver` (priorities of groups).
 */
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { certificateRows } from './groups/certificates.ts'
import {
  coordinationRows,
  eventRows,
  flowControlRows,
  nodeRows,
  schedulingRows,
  storageRows,
} from './groups/cluster.ts'
import { coreRows } from './groups/core.ts'
import { admissionRows, apiExtensionRows, apiRegistrationRows } from './groups/extensions.ts'
import { discoveryRows, networkingRows } from './groups/network.ts'
import { appsRows, autoscalingRows, batchRows, policyRows } from './groups/workloads.ts'
import { legacyRows } from './legacy.ts'
import { metricsRows } from './metrics.ts'
import { rbacRows } from './rbac.ts'
import { authenticationRows, authorizationRows } from './reviews.ts'

export const kindRows: readonly KindRow[] = [
  ...coreRows,
  ...legacyRows,
  ...apiRegistrationRows,
  ...appsRows,
  ...eventRows,
  ...authenticationRows,
  ...authorizationRows,
  ...autoscalingRows,
  ...batchRows,
  ...certificateRows,
  ...networkingRows,
  ...policyRows,
  ...rbacRows,
  ...storageRows,
  ...admissionRows,
  ...apiExtensionRows,
  ...schedulingRows,
  ...coordinationRows,
  ...nodeRows,
  ...discoveryRows,
  ...flowControlRows,
]

/** All that this server answers for: its kinds, and the metrics, for which upstream has a server of its own. */
export const servedRows: readonly KindRow[] = [...kindRows, ...metricsRows]
