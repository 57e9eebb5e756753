/**
 * A real member on a real file system that is really full: a small tmpfs, for which one must be root.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { lesson } from '#kit/testing/lesson.ts'

const mayMount = process.platform === 'linux' && process.getuid?.() === 0 && canMount()
if (!mayMount) console.warn('SKIPPED: "a file system of 12 MiB" mounts one, for which one must be root on Linux.')

/** Root in a container may still not be allowed to. */
function canMount(): boolean {
  const probe = spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=1m tmpfs $d && umount $d && rmdir $d'])
  return probe.status === 0
}

describe.skipIf(!mayMount)('a file system of 12 MiB', () => {
  let directory: string
  let members: EtcdProcesses
  let client: EtcdClient

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'full-disk-'))
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', directory])
    members = await startEtcdProcesses({ members: 1, flags: ['--data-dir', join(directory, 'a')] })
    client = createEtcdClient({ endpoints: members.endpoints })
    await client.put({ key: 'first' })
  }, 60_000)
  afterAll(async () => {
    client?.close()
    await members?.stop()
    if (!directory) return
    spawnSync('umount', [directory])
    await rm(directory, { recursive: true, force: true })
  })

  lesson(
    'is used up by one member, which refuses more, goes on reading, and starts again with everything',
    {
      scenario:
        'Values of 100 KiB are put until the member refuses. It is killed with -9 on the full disk, and started again.',
      rule: 'A full disk raises an alarm and refuses writes. It loses nothing.',
      source: 'etcd, "Space quota"',
      timeoutMs: 90_000,
    },
    async () => {
      const value = Buffer.alloc(100 * 1024, 'x')
      let acknowledged = 0
      let refusal = ''
      while (refusal === '' && acknowledged < 200) {
        await client.put({ key: `k${acknowledged}`, value }).then(
          () => acknowledged++,
          (error) => {
            refusal = error.message
          },
        )
      }
      expect(refusal).toBe('etcdserver: mvcc: database space exceeded')
      expect(acknowledged).toBeGreaterThan(50)
      const all = { key: 'k', rangeEnd: 'l', countOnly: true }
      expect((await client.range(all)).count).toBe(acknowledged)
      expect((await client.alarm({ action: 'GET' })).alarms.map(({ alarm }) => alarm)).toEqual(['NOSPACE'])

      await members.kill('a')
      members.start('a')
      expect((await client.range(all)).count, 'after kill -9').toBe(acknowledged)
      await expect(client.put({ key: 'more', value })).rejects.toThrow('database space exceeded')
      await client.deleteRange({ key: 'k0' })
      expect((await client.range(all)).count, 'deleting goes on').toBe(acknowledged - 1)
    },
  )
})
