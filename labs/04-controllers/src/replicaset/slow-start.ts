/**
 * Many writes, cautiously: 1, then 2, 4, 8, …, each batch only after the one before has succeeded. When every creation
 * would fail (a quota, a wrong template), one request finds that out instead of five hundred.
 *
 * Source: kubernetes `pkg/controller/replicaset/replica_set.go` (slowStartBatch).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'


/**
 * The sizes of the batches for `count` writes, in order. They add up to `count`; none is empty.
 *
 * @lab 4.3 Split creations into growing batches
 */
export function slowStartBatches(count: number): number[] {
  throw new NotImplemented(
    '4.3',
    'slowStartBatches',
    'Split creations into growing batches',
    'labs/04-controllers/src/replicaset/slow-start.ts',
  )
}
