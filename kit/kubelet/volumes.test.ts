/** The volumes of pods: what is in them, how they change, and that nobody ever sees half a change. */
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeAtomically } from '#kubelet/atomic-files.ts'
import type { VolumeSources } from '#kubelet/volume-files.ts'
import { mountRetryMs } from '#kubelet/volume-refresh.ts'
import { containerMounts, prepareVolumes } from '#kubelet/volumes.ts'
import type { Pod, PodSpec, Stored, Volume } from '../api/objects.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'volumes-'))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

const file = (text: string, mode = 0o644) => ({ content: Buffer.from(text), mode })
const text = (...path: string[]) => readFile(join(root, ...path), 'utf8')

describe('a directory of files', () => {
  it('leads to its files by one link, which is all that ever changes', async () => {
    await writeAtomically(root, { token: file('one'), 'certs/ca.crt': file('authority', 0o400) })
    expect(await readlink(join(root, 'token'))).toBe('..data/token')
    expect(await readlink(join(root, 'certs'))).toBe('..data/certs')
    expect([await text('token'), await text('certs', 'ca.crt')]).toEqual(['one', 'authority'])
    expect((await stat(join(root, 'certs', 'ca.crt'))).mode & 0o777).toBe(0o400)

    const before = await readlink(join(root, '..data'))
    await writeAtomically(root, { token: file('two'), namespace: file('shop') })
    expect(await readlink(join(root, '..data'))).not.toBe(before)
    expect([await text('token'), await text('namespace')]).toEqual(['two', 'shop'])
    const names = await readdir(root)
    expect(names.filter((name) => !name.startsWith('..')).sort(), 'what is no longer among the files').toEqual([
      'namespace',
      'token',
    ])
    expect(names, 'with the old directory gone').toHaveLength(4)
  })

  it('stays as it is when nothing has changed', async () => {
    await writeAtomically(root, { token: file('one') })
    const before = await readlink(join(root, '..data'))
    await writeAtomically(root, { token: file('one') })
    expect(await readlink(join(root, '..data'))).toBe(before)
  })

  it('takes the place of files that were written otherwise', async () => {
    await writeAtomically(join(root), { token: file('one') })
    await rm(join(root, 'token'))
    await writeAtomically(root, { token: file('two') })
    expect(await text('token')).toBe('two')
    await chmod(root, 0o755)
  })
})

describe('the volumes of a pod', () => {
  const sources: VolumeSources = {
    podIp: '10.244.1.2',
    hostIp: '10.244.0.11',
    nodeName: 'node-1',
    services: () => [],
    configMap: async (namespace, name) =>
      name === 'kube-root-ca.crt'
        ? { metadata: { name, namespace }, data: { 'ca.crt': 'PEM' }, binaryData: { bin: '/wA=' } }
        : undefined,
    secret: async (_namespace, name) => (name === 'login' ? { data: { password: 'aGk=' } } : undefined),
    serviceAccountToken: async (pod, { audience, expirationSeconds }) =>
      `${pod.metadata.name} ${audience ?? 'api'} ${expirationSeconds}`,
  }
  const podWith = (volume: Volume, spec: Partial<PodSpec> = {}): Stored<Pod> => ({
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '',
      labels: { app: 'web' },
    },
    spec: { containers: [{ name: 'main', resources: { limits: { cpu: '2' } } }], ...spec, volumes: [volume] },
  })
  const prepare = async (volume: Omit<Volume, 'name'>, spec?: Partial<PodSpec>) => {
    const { v } = await prepareVolumes(podWith({ name: 'v', ...volume }, spec), root, sources)
    return v!
  }
  const contents = async (directory: string) => {
    const names = (await readdir(directory)).filter((name) => !name.startsWith('..'))
    const entries = names.sort().map(async (name) => [name, await readFile(join(directory, name), 'utf8')])
    return Object.fromEntries(await Promise.all(entries))
  }

  it('give it its identity: token, authority, namespace', async () => {
    const directory = await prepare({
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
        ],
      },
    })
    expect(await contents(directory)).toEqual({ 'ca.crt': 'PEM', namespace: 'shop', token: 'web api 3607' })
  })

  it('hold text, bytes, and what is known of the pod', async () => {
    const configMap = await prepare({ configMap: { name: 'kube-root-ca.crt' } })
    expect(await readFile(join(configMap, 'bin'))).toEqual(Buffer.from([0xff, 0]))
    expect(await contents(await prepare({ secret: { secretName: 'login' } }))).toEqual({ password: 'hi' })
    const items = [
      { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } },
    ]
    expect(await contents(await prepare({ downwardAPI: { items } }))).toEqual({ labels: 'app="web"', cpu: '2' })
  })

  it('have the modes that are asked for', async () => {
    const modeOf = async (directory: string, name: string) => (await stat(join(directory, name))).mode & 0o777
    const items = [
      { key: 'password', path: 'strict' },
      { key: 'password', path: 'open', mode: 0o444 },
    ]
    const secret = { secretName: 'login', defaultMode: 0o400, items }
    const directory = await prepare({ secret })
    expect([await modeOf(directory, 'strict'), await modeOf(directory, 'open')]).toEqual([0o400, 0o444])
    const shared = await prepare({ secret }, { securityContext: { fsGroup: process.getgid?.() ?? 0 } })
    expect(await modeOf(shared, 'open')).toBe(0o444)
  })

  it('say in upstream’s words what is missing', async () => {
    const refusal = (volume: Omit<Volume, 'name'>) => prepare(volume).catch((error: Error) => error.message)
    expect(await refusal({ configMap: { name: 'late' } })).toBe(
      'MountVolume.SetUp failed for volume "v" : configmap "late" not found',
    )
    expect(await refusal({ configMap: { name: 'kube-root-ca.crt', items: [{ key: 'zz', path: 'zz' }] } })).toBe(
      'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: zz',
    )
    expect(await refusal({ secret: { secretName: 'late' } })).toContain('secret "late" not found')
    expect(await refusal({ secret: { secretName: 'late', optional: true } }), 'what is optional').toContain(root)
    expect(
      await refusal({ configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: '../../x' }] } }),
    ).toContain('must stay inside its volume')
  })

  it('are tried again after half a second, and then ever later', () => {
    expect([0, 1, 2, 7, 8, 20].map(mountRetryMs)).toEqual([500, 1000, 2000, 64_000, 122_000, 122_000])
  })

  it('are mounted by name, whole or in part', () => {
    const container = {
      name: 'main',
      volumeMounts: [
        { name: 'v', mountPath: '/v', readOnly: true },
        { name: 'v', mountPath: '/one', subPath: 'a' },
      ],
    }
    expect(containerMounts(container, { v: '/vol' })).toEqual([
      { hostPath: '/vol', containerPath: '/v', readonly: true },
      { hostPath: '/vol/a', containerPath: '/one', readonly: false },
    ])
    expect(() => containerMounts(container, {})).toThrow('volume "v" is not among the pod\'s volumes')
  })
})
