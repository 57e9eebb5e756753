/**
 * Asks etcd which version of a key is the newest, with as few calls as possible: while one call is under way, further
 * questions gather, and go together in the next. A hundred clients that read at once cost about as much as two.
 *
 * Guarantee: linearizable. A question travels only in a call that begins after it was asked, so its answer knows every
 * write that had been acknowledged by then. (To join a call that is under way would be wrong: it may have been answered
 * before that write.)
 * Source: the same bargain as Raft's read index, §6.4 of Ongaro's dissertation: one round for all reads that wait.
 */
import type { KeyVersion } from '../contracts/key-value-store.ts'
import type { EtcdClient } from '../etcd-api/client.ts'

/** A real etcd takes at most 128 operations in a transaction, unless it is told otherwise. */
const MOST_KEYS = 100

interface Question {
  readonly key: string
  resolve(version: KeyVersion): void
  reject(error: unknown): void
}

export class KeyVersions {
  readonly #client: Pick<EtcdClient, 'range' | 'txn'>
  #waiting: Question[] = []
  #underWay = false

  constructor(client: Pick<EtcdClient, 'range' | 'txn'>) {
    this.#client = client
  }

  of(key: string): Promise<KeyVersion> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject })
      if (!this.#underWay) void this.#askAll()
    })
  }

  async #askAll(): Promise<void> {
    this.#underWay = true
    while (this.#waiting.length > 0) {
      const questions = this.#waiting.splice(0, MOST_KEYS)
      try {
        const versions = await this.#ask(questions.map(({ key }) => key))
        for (const [i, { resolve }] of questions.entries()) resolve(versions[i]!)
      } catch (error) {
        for (const { reject } of questions) reject(error)
      }
    }
    this.#underWay = false
  }

  /** One read for one key; for more of them a transaction that only reads. Keys without their values: those are in the cache. */
  async #ask(keys: readonly string[]): Promise<KeyVersion[]> {
    const [only] = keys
    if (only !== undefined && keys.length === 1) {
      const { header, kvs } = await this.#client.range({ key: only, keysOnly: true })
      return [{ revision: header?.revision ?? 0, modRevision: kvs[0]?.modRevision ?? 0 }]
    }
    const success = keys.map((key) => ({ requestRange: { key, keysOnly: true } }))
    const { header, responses } = await this.#client.txn({ success })
    return responses.map(({ responseRange }) => ({
      revision: header?.revision ?? 0,
      modRevision: responseRange?.kvs[0]?.modRevision ?? 0,
    }))
  }
}
