/** etcd and API server start side by side, so the first tries may find nobody at home. */
import { createEtcdKeyValueStore } from '#kit/apiserver/etcd-key-value-store.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { KeyValueStore } from '#kit/contracts/key-value-store.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { createEtcdClient, type EtcdClientOptions } from '#kit/etcd-api/client.ts'

const PATIENCE_MS = 120_000
const RETRY_MS = 100

export async function connectToEtcd(options: EtcdClientOptions, clock: Clock, log: Log): Promise<KeyValueStore> {
  const client = createEtcdClient(options)
  const startedMs = clock.now()
  for (;;) {
    try {
      return await createEtcdKeyValueStore(client)
    } catch (error) {
      if (clock.now() - startedMs > PATIENCE_MS) throw error
      log.warn(`waiting for etcd: ${describeError(error)}`)
      await new Promise<void>((resolve) => clock.setTimer(RETRY_MS, resolve))
    }
  }
}
