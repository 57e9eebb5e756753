/** A whole kubelet over real HTTP: the simulated API server on one side, the fake runtime on the other. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { type Log, silentLog } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { createFakeRuntime, type FakeRuntime } from '#kit/runtime/fake-runtime.ts'
import { type SimApiServer, startSimApiServer } from '#kit/sim/api-server.ts'
import { type KubeletOptions, type RunningKubelet, startKubelet } from '#kubelet/kubelet.ts'
import { container } from './fixtures.ts'

export interface Rig {
  readonly api: SimApiServer
  readonly runtime: FakeRuntime
  kubelet: RunningKubelet
  /** Stops the kubelet, as a crash would: no good-bye to anyone. */
  stopKubelet(): Promise<void>
  startKubelet(): Promise<void>
  create(name: string, script: string, spec?: Partial<NonNullable<Pod['spec']>>): Promise<Stored<Pod>>
  delete(name: string, gracePeriodSeconds?: number): Promise<void>
  /** Resolves when the pod is as told; the test's time-out bounds it. */
  until(name: string, satisfies: (pod: Pod) => boolean): Promise<Pod>
  untilGone(name: string): Promise<unknown>
  /** Rejects when the kubelet meets a part that is not written yet. */
  readonly missingPart: Promise<never>
  /** What the kubelet's log has warned of so far. */
  readonly warnings: readonly string[]
  stop(): Promise<void>
}

export async function startRig(options: Partial<KubeletOptions> = {}): Promise<Rig> {
  const api = await startSimApiServer()
  const runtime = createFakeRuntime()
  const rootDir = mkdtempSync(join(tmpdir(), 'kubelet-'))
  const client = api.client()
  // A kubelet with a part missing goes on, and says so in its log. A test that waits for it must not wait in vain.
  const warnings: string[] = []
  let log: Log = silentLog
  const missingPart = new Promise<never>((_, reject) => {
    log = {
      ...silentLog,
      warn: (message) => void warnings.push(message),
      error: (_what, cause) => isNotImplemented(cause) && reject(cause),
    }
  })
  missingPart.catch(() => {})
  const start = () =>
    startKubelet({
      client: api.client(),
      runtime,
      nodeName: 'node-1',
      nodeIp: '10.244.0.11',
      podCidr: '10.244.1.0/24',
      rootDir,
      log,
      ...options,
    })
  const rig: Rig = {
    api,
    runtime,
    kubelet: await start(),
    stopKubelet: () => rig.kubelet.stop(),
    async startKubelet() {
      rig.kubelet = await start()
    },
    create(name, script, spec = {}) {
      const containers = [container('main', { command: ['sh', '-c', script] })]
      const object: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 1, containers, ...spec },
      }
      return client.create(resources.pods, object, { namespace: 'default' })
    },
    delete: (name, gracePeriodSeconds) =>
      client.delete(
        resources.pods,
        { namespace: 'default', name },
        gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
      ),
    until: (name, satisfies) =>
      Promise.race([api.until<Pod>(resources.pods, `default/${name}`, satisfies), missingPart]),
    untilGone(name) {
      const isGone = (pods: readonly Pod[]) => pods.every(({ metadata }) => metadata?.name !== name)
      return Promise.race([api.untilList<Pod>(resources.pods, isGone), missingPart])
    },
    missingPart,
    warnings,
    async stop() {
      await rig.kubelet.stop()
      client.close()
      await api.stop()
      rmSync(rootDir, { recursive: true, force: true })
    },
  }
  return rig
}

export const isRunning = (pod: Pod) => pod.status?.phase === 'Running'
export const mainState = (pod: Pod) => pod.status?.containerStatuses?.find(({ name }) => name === 'main')?.state
