/** What kubelets and the scheduler did in a recorded situation, as far as watches saw it. */
import type { Pod } from '../../../api/objects.ts'
import { resources } from '../../../api/resources.ts'
import type { RecordedState } from './recording.ts'
import { createAll, patch, STRATEGIC } from './requests.ts'
import type { World } from './world.ts'

export async function nodeStep(world: World, cmd: string): Promise<undefined> {
  const [, name] = /(?:node|named|node object) (sim-\w+|hollow-\w+)/.exec(cmd) ?? []
  const [, key, value] = /label(?:s=)? ?(\w+)=(\w+)/.exec(cmd) ?? []
  if (name) await createNode(world, name, key ? { [key]: value ?? '' } : {}, cmd.includes('nf=true'))
  const [, ready] = /reports Ready=(\w+)/.exec(cmd) ?? []
  if (ready) {
    const conditions = [{ type: 'Ready', status: ready, reason: 'Test' }]
    await patch(world, ['node', 'sim-x'], { status: { conditions } }, STRATEGIC, '/status')
  }
}

/** A node as its kubelet registers it and then says that it is ready. */
export async function createNode(
  world: World,
  name: string,
  labels: Record<string, string> = {},
  tainted = false,
): Promise<void> {
  const platform = Object.fromEntries(
    ['beta.kubernetes.io', 'kubernetes.io'].flatMap((domain) => [
      [`${domain}/arch`, 'amd64'],
      [`${domain}/os`, 'linux'],
    ]),
  )
  const metadata = { name, labels: { ...platform, 'kubernetes.io/hostname': name, ...labels } }
  const spec = tainted ? { taints: [{ key: 'nf', value: 'true', effect: 'NoSchedule' }] } : {}
  await createAll(world, { kind: 'Node', apiVersion: 'v1', metadata, spec })
  const status = {
    capacity: { cpu: '64', memory: '64Gi', pods: '500' },
    allocatable: { cpu: '64', memory: '64Gi', pods: '500' },
    conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
      type,
      status: type === 'Ready' ? 'True' : 'False',
    })),
  }
  await patch(world, ['node', name], { status }, STRATEGIC, '/status')
}

/** "(kubelet) pod web phase=Failed exitCode=1", "(kubelet) pod web becomes not Ready" */
export async function reportPod(world: World, cmd: string): Promise<undefined> {
  const [, name = ''] = /pod (\S+)/.exec(cmd) ?? []
  const [, phase] = /phase=(\w+)/.exec(cmd) ?? []
  const [, not] = /becomes (not )?Ready/.exec(cmd) ?? []
  await reportStatus(world, name, phase, phase || not ? 'False' : 'True')
}

async function reportStatus(world: World, name: string, phase: unknown, ready: unknown, reason?: unknown) {
  const condition = ready && { type: 'Ready', status: ready, ...(reason ? { reason } : { reason: null }) }
  const status = { ...(phase ? { phase } : {}), ...(condition ? { conditions: [condition] } : {}) }
  await patch(world, ['pod', name], { status }, STRATEGIC, '/status')
}

/** What others than controllers and users did to a pod: it was bound, ran, became ready, and was gone. */
export async function followState(world: World, state: RecordedState): Promise<void> {
  const { object, type, changed = {} } = world.translate(state)
  const [kind, name = ''] = object.split('/')
  if (kind !== 'Pod') return
  const path = world.pathOf(resources.pods, name)
  if (type === 'DELETED') {
    await world.send({ method: 'DELETE', path, as: 'admin', body: { gracePeriodSeconds: 0 } })
    return
  }
  if (changed.node) {
    const target = { kind: 'Node', name: changed.node }
    const body = { kind: 'Binding', apiVersion: 'v1', metadata: { name }, target }
    await world.send({ method: 'POST', path: `${path}/binding`, as: 'system:kube-scheduler', body })
  }
  if (!changed.phase && !changed.ready && !('unready' in changed)) return
  const pod = (await world.current(path)) as Pod | undefined
  if (!pod) return
  const ready = changed.ready ?? pod.status?.conditions?.find(({ type: name }) => name === 'Ready')?.status
  await reportStatus(world, name, changed.phase, ready, changed.unready)
}
