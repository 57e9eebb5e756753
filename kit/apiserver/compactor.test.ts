/** Of all API servers of a cluster, one tells etcd what to forget, and none needs to know of the others. */
import { describe, expect, it } from 'vitest'
import { compactOnce } from '#apiserver/storage/compactor.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'

const nothingSeen = { modRevision: 0, revision: 0 }

describe('compaction', () => {
  it('begins by writing down that it has begun, and compacts nothing yet', async () => {
    const etcd = createSimEtcdStore()
    const before = etcd.put('/registry/x', '1')
    const seen = await compactOnce(etcd, nothingSeen)
    expect(etcd.contents().get('compact_rev_key')?.value).toBe('0')
    expect(seen).toEqual({ modRevision: before + 1, revision: before + 1 })
    expect((await etcd.range({ from: '/', to: '0', revision: 1 })).kvs).toEqual([])
  })

  it('forgets at each turn what was old at the turn before', async () => {
    const etcd = createSimEtcdStore()
    const seen = await compactOnce(etcd, nothingSeen)
    const later = etcd.put('/registry/x', '1')
    await compactOnce(etcd, seen)
    expect(etcd.contents().get('compact_rev_key')?.value).toBe(String(seen.revision))
    const at = (revision: number) => etcd.range({ from: '/', to: '0', revision })
    await expect(at(seen.revision - 1)).rejects.toMatchObject({ name: 'CompactedError' })
    expect((await at(later)).kvs).toHaveLength(1)
  })

  it('is left to whoever was first, by one transaction', async () => {
    const etcd = createSimEtcdStore()
    const [one, other] = [await compactOnce(etcd, nothingSeen), await compactOnce(etcd, nothingSeen)]
    expect(other).toEqual(one)
    etcd.put('/registry/x', '1')
    const transactions = etcd.transactions.length
    await compactOnce(etcd, one)
    const beaten = await compactOnce(etcd, other)
    expect(etcd.transactions.length - transactions).toBe(2)
    expect(etcd.contents().get('compact_rev_key')?.modRevision).toBe(beaten.modRevision)
  })
})
