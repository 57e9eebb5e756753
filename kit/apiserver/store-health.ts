/** Source: apiserver `pkg/storage/storagebackend/factory/etcd3.go` (newETCD3HealthCheck). */
import type { Clock } from '../contracts/clock.ts'
import type { KeyValueStore } from '../contracts/key-value-store.ts'

const PATIENCE_MS = 2_000
/** Read to see whether etcd answers; it need not be there. */
const KEY = '/registry/health'

/** Whether etcd can be read from, in the time that one waits for such an answer. */
export function storeAnswers(store: KeyValueStore, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(PATIENCE_MS, () => resolve(false))
    const finish = (isWell: boolean) => {
      timer.cancel()
      resolve(isWell)
    }
    store.versionOf(KEY).then(
      () => finish(true),
      () => finish(false),
    )
  })
}
