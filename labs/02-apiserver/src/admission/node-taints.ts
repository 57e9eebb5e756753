/**
 * TaintNodesByCondition: a new node takes no pods until it has said that it is ready, and the node controller has seen it.
 *
 * The taint is there from the first moment. Were it the controller's to add, the scheduler could be faster.
 *
 * Source: kubernetes `plugin/pkg/admission/nodetaint/admission.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Taint } from '#kit/api/objects.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'

/**
 * A new node's taints, and behind them `NOT_READY` with effect NoSchedule, unless it is among them (with this effect) already.
 *
 * @lab 2.12 Let no pods on a node that is not ready yet
 */
export function withNotReadyTaint(taints: readonly Taint[]): Taint[] {
  throw new NotImplemented(
    '2.12',
    'withNotReadyTaint',
    'Let no pods on a node that is not ready yet',
    'labs/02-apiserver/src/admission/node-taints.ts',
  )
}
