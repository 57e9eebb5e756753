/** What the user of a recorded situation did, as the requests that kubectl makes of it. */
import type { ApiObject } from '../../../api/objects.ts'
import { resources } from '../../../api/resources.ts'
import { nodeStep, reportPod } from './node-steps.ts'
import type { RecordedStep } from './recording.ts'
import { createAll, MERGE, patch, STRATEGIC } from './requests.ts'
import { type Answer, resourceNamed, type World } from './world.ts'

/** Does the step. Returns an answer where the recording has one to compare with. */
export async function takeStep(world: World, step: RecordedStep): Promise<Answer | undefined> {
  const { cmd, manifest, pod } = world.translate(step)
  if (manifest) return createAll(world, manifest)
  if (cmd === 'pods/eviction') return evict(world, pod ?? '')
  const [program, verb = '', ...rest] = cmd.split(' ')
  if (program === '(kubelet)') return reportPod(world, cmd)
  if (program !== 'kubectl') return nodeStep(world, cmd)
  const words = rest.filter((word) => !word.startsWith('--'))
  const flags = new Map(rest.flatMap((word) => flagOf(word)))
  const run = commands[verb]
  if (run) await run({ world, words, flags, step: world.translate(step) })
  return undefined
}

/** "--replicas=3" */
function flagOf(word: string): [name: string, value: string][] {
  const [, name, value = ''] = /^(--[^=]+)=?(.*)$/.exec(word) ?? []
  return name ? [[name, value]] : []
}

interface Command {
  readonly world: World
  readonly words: string[]
  readonly flags: ReadonlyMap<string, string>
  readonly step: RecordedStep
}

const commands: Readonly<Record<string, (command: Command) => Promise<unknown>>> = {
  create: async ({ world, words: [kind, name = '', , provisioner, , mode], flags }) => {
    const metadata = { name: name.replace(/,$/, '') }
    if (kind === 'namespace') await createAll(world, { kind: 'Namespace', apiVersion: 'v1', metadata })
    if (kind === 'quota') {
      const hard = Object.fromEntries((flags.get('--hard') ?? '').split(',').map((entry) => entry.split('=', 2)))
      await createAll(world, { kind: 'ResourceQuota', apiVersion: 'v1', metadata, spec: { hard } })
    }
    if (kind !== 'storageclass') return
    await createAll(world, {
      kind: 'StorageClass',
      apiVersion: 'storage.k8s.io/v1',
      metadata,
      provisioner: provisioner?.replace(/,$/, ''),
      ...(mode && { volumeBindingMode: mode }),
    })
  },
  delete: async ({ world, words: [kind = '', ...names], flags }) => {
    const resource = resourceNamed(kind)
    const policy = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' }[
      flags.get('--cascade') ?? 'background'
    ]
    const all = flags.has('--all') ? await world.current(world.pathOf(resource, '')) : undefined
    const found = ((all?.items ?? []) as ApiObject[]).map(({ metadata }) => metadata?.name ?? '')
    for (const name of [...names, ...found]) {
      const body = { propagationPolicy: policy }
      await world.send({ method: 'DELETE', path: world.pathOf(resource, name), as: 'admin', body })
    }
  },
  scale: ({ world, words, flags }) =>
    patch(world, words, { spec: { replicas: Number(flags.get('--replicas')) } }, MERGE, '/scale'),
  set: ({ world, words: [, object = '', image = ''] }) => {
    const [name, value] = image.split('=')
    return patch(world, [object], { spec: { template: { spec: { containers: [{ name, image: value }] } } } }, STRATEGIC)
  },
  patch: ({ world, words, flags, step }) =>
    flags.has('--subresource')
      ? patch(world, words, step.patch, STRATEGIC, '/status')
      : patch(world, words, step.patch, MERGE),
  label: ({ world, words }) => patchMetadata(world, words, 'labels'),
  annotate: ({ world, words }) => patchMetadata(world, words, 'annotations'),
  taint: ({ world, words: [, name = '', taint = ''] }) => setTaint(world, name, taint),
  cordon: ({ world, words: [name = ''] }) => patch(world, ['node', name], { spec: { unschedulable: true } }, MERGE),
  uncordon: ({ world, words: [name = ''] }) => patch(world, ['node', name], { spec: { unschedulable: null } }, MERGE),
  rollout: ({ world, words: [action = '', object = ''] }) => rollOut(world, action, object),
  certificate: ({ world, words: [, name = ''] }) => approve(world, name),
}

function evict(world: World, name: string): Promise<Answer> {
  return world.send({
    method: 'POST',
    path: `${world.pathOf(resources.pods, name)}/eviction`,
    as: 'admin',
    body: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name, namespace: world.namespace } },
  })
}

/** `app=web` sets, `app-` takes away. */
function patchMetadata(world: World, words: readonly string[], field: 'labels' | 'annotations') {
  const changes = words.slice(words[0]?.includes('/') ? 1 : 2)
  const entries = changes.map((change) => {
    const [, key = '', value] = /^([^=]+?)(?:-$|=(.*))$/.exec(change) ?? []
    return [key, value ?? null]
  })
  return patch(world, words, { metadata: { [field]: Object.fromEntries(entries) } }, MERGE)
}

/** `z=1:NoExecute` sets, `z-` takes away. */
async function setTaint(world: World, name: string, taint: string): Promise<void> {
  const [, key, value, effect, minus] = /^([^=:-]+)(?:=([^:]*))?(?::(\w+))?(-?)$/.exec(taint) ?? []
  const node = await world.current(world.pathOf(resources.nodes, name))
  const { taints = [] } = (node?.spec ?? {}) as { taints?: { key?: string; effect?: string }[] }
  const others = taints.filter((other) => other.key !== key || (effect && other.effect !== effect))
  const wanted = minus ? others : [...others, { key, ...(value && { value }), effect }]
  await patch(world, ['node', name], { spec: { taints: wanted } }, MERGE)
}

async function rollOut(world: World, action: string, object: string): Promise<void> {
  const template = { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() } } }
  if (action === 'pause') await patch(world, [object], { spec: { paused: true } }, STRATEGIC)
  if (action === 'resume') await patch(world, [object], { spec: { paused: null } }, STRATEGIC)
  if (action === 'restart') await patch(world, [object], { spec: { template } }, STRATEGIC)
  if (action === 'undo') await undo(world, object)
}

/** The template before the current one: in an older ReplicaSet, or in a ControllerRevision. */
async function undo(world: World, object: string): Promise<void> {
  const isDeployment = object.startsWith('deploy')
  const kept = isDeployment ? resources.replicaSets : resources.controllerRevisions
  const list = await world.current(world.pathOf(kept, ''))
  const revisions = ((list?.items ?? []) as ApiObject[]).sort((a, b) => revisionOf(b) - revisionOf(a))
  const [, previous] = revisions
  if (!previous) return
  if (!isDeployment) {
    await patch(world, [object], previous.data, STRATEGIC)
    return
  }
  const { template } = previous.spec as { template: { metadata: { labels: Record<string, string> } } }
  Reflect.deleteProperty(template.metadata.labels, 'pod-template-hash')
  const body = [{ op: 'replace', path: '/spec/template', value: template }]
  await patch(world, [object], body, 'application/json-patch+json')
}

function revisionOf({ metadata, revision }: ApiObject): number {
  return Number(revision ?? metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? 0)
}

async function approve(world: World, name: string): Promise<void> {
  const path = world.pathOf(resources.certificateSigningRequests, name)
  const request = await world.current(path)
  const conditions = [{ type: 'Approved', status: 'True', reason: 'KubectlApprove', message: 'approved' }]
  const body = { ...request, status: { conditions } }
  await world.send({ method: 'PUT', path: `${path}/approval`, as: 'admin', body })
}
