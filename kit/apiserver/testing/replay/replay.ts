/**
 * Plays a recorded situation to our server: each write of upstream's controllers as they sent it, in the order of the
 * recording, between the steps of the user and what kubelets and the scheduler did.
 */
import type { ApiObject } from '../../../api/objects.ts'
import { type Body, createdIn, type RecordedWrite, type Situation } from './recording.ts'
import { createNode, followState, takeStep } from './user-steps.ts'
import { type Answer, resourceNamed, type World } from './world.ts'

export interface Outcome {
  readonly scenario: string
  /** "replicaset-controller POST /api/v1/namespaces/NS/pods" */
  readonly what: string
  readonly expected: string
  readonly got: string
  /** The object was made in a part of the situation that was not recorded: nothing to compare. */
  readonly unknownTarget?: boolean
}

export async function replay(world: World, situation: Situation): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const names = newNames(situation)
  for (const object of createdIn(situation)) world.recordedObjects.add(object)
  const happenings = [
    ...situation.steps.map((step) => ({ t: step.t, run: () => checkStep(world, situation, step, outcomes) })),
    ...situation.writes.map((write) => ({
      t: write.t,
      run: () => checkWrite(world, situation, write, names, outcomes),
    })),
    ...situation.states.map((state) => ({ t: state.t, run: () => followState(world, state) })),
  ]
  for (const { run } of happenings.sort((a, b) => a.t - b.t)) await run()
  return outcomes
}

/** With what controllers make in every namespace, unless that is just what was recorded. */
export async function newNamespace(world: World, name: string, group: readonly Situation[]): Promise<void> {
  world.enter(name)
  const isRecorded = group[0]?.steps.some(({ cmd }) => cmd.startsWith('kubectl create namespace'))
  if (isRecorded) return
  const create = (path: string, body: object) => world.send({ method: 'POST', path, as: 'admin', body })
  await create('/api/v1/namespaces', { metadata: { name } })
  await create(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } })
  await create(`/api/v1/namespaces/${name}/configmaps`, { metadata: { name: 'kube-root-ca.crt' } })
}

async function checkStep(
  world: World,
  { scenario }: Situation,
  step: Situation['steps'][number],
  outcomes: Outcome[],
): Promise<void> {
  const answer = await takeStep(world, step)
  if (step.responseStatus) {
    outcomes.push({ scenario, what: step.cmd, expected: `${step.responseStatus}`, got: `${answer?.status}` })
  }
  if (step.error) {
    outcomes.push({
      scenario,
      what: step.cmd,
      expected: world.translate(String(step.error)),
      got: `${answer?.body.message}`,
    })
  }
}

async function checkWrite(
  world: World,
  { scenario }: Situation,
  write: RecordedWrite,
  names: string[],
  outcomes: Outcome[],
): Promise<void> {
  const { method, contentType, status, error } = write
  const path = world.translate(write.url)
  const objectPath = pathOfObject(path)
  const target = method === 'POST' ? undefined : await targetOf(world, objectPath)
  const isRefusal = status >= 400
  const what = `${write.controller} ${method} ${write.url}`
  const wasThere = !isRefusal || status === 409
  if (!target && method !== 'POST' && wasThere && !isCollection(objectPath)) {
    world.hasGap = true
    outcomes.push({ scenario, what, expected: '', got: '', unknownTarget: true })
    return
  }
  const isStale = status === 409 && /has been modified/.test(error?.message ?? '')
  const version = isStale ? '1' : (target?.metadata?.resourceVersion ?? '')
  const translated = world.translate(write.body)
  const body = (await world.resolve(whole(translated, target), target, version)) as Body
  const answer = await world.send({ method, path, as: write.controller, body, ...(contentType && { contentType }) })
  if (method === 'POST' && answer.status === 201) learnGeneratedName(world, write.body as ApiObject, answer, names)
  outcomes.push({
    scenario,
    what,
    expected: shown(status, world.translate(error ?? {})),
    got: shown(answer.status, answer.body),
  })
}

/** Status, reason and words; names that servers make up are never the same. */
function shown(status: number, said: { reason?: string; message?: string } | undefined): string {
  if (status < 400) return String(status)
  return `${status} ${said?.reason}: ${said?.message}`.replace(/-[a-z0-9]{5}(?=")/g, '-?????')
}

async function targetOf(world: World, path: string): Promise<ApiObject | undefined> {
  const found = await world.current(path)
  const [, node] = /^\/api\/v1\/nodes\/([^/]+)$/.exec(path) ?? []
  if (found || !node) return found
  await createNode(world, node)
  return world.current(path)
}

/** "/api/v1/namespaces/NS/pods" */
function isCollection(path: string): boolean {
  return /^\/(api|apis\/[^/]+)\/[^/]+\/(namespaces\/[^/]+\/)?[^/]+$/.test(path) && !/\/namespaces\/[^/]+$/.test(path)
}

/** Without subresource and query. */
function pathOfObject(url: string): string {
  const [path = ''] = url.split('?')
  return path.replace(/\/(status|finalize|scale|approval)$/, '')
}

/** What the recorder left out of a body is what the object already says. */
function whole(body: Body, target: ApiObject | undefined): Body {
  const { _specOmitted: specOmitted, ...sent } = body
  const metadata = { ...target?.metadata, ...(sent.metadata as object) }
  if (specOmitted) return { ...target, ...sent, metadata }
  const spec = sent.spec as { template?: { _specOmitted?: boolean } } | undefined
  if (spec?.template?._specOmitted) {
    return { ...sent, spec: { ...spec, template: (target?.spec as typeof spec)?.template } }
  }
  if ((sent.data as Body | undefined)?._) return { ...sent, data: target?.data }
  return sent
}

/** Names of the recording that its server made up, in the order in which they came up. */
function newNames({ states, writes, final }: Situation): string[] {
  const added = states.filter(({ type }) => type === 'ADDED').map(({ object }) => object.split('/')[1] ?? '')
  const written = writes.map(({ url }) => pathOfObject(url).split('/').at(-1) ?? '')
  const last = final.map((object) => String(object.name ?? (object as ApiObject).metadata?.name))
  return [...new Set([...added, ...written, ...last])]
}

function learnGeneratedName(world: World, { kind, metadata }: ApiObject, answer: Answer, names: string[]): void {
  const prefix = metadata?.generateName
  if (!prefix || metadata.name || !kind) return
  const recorded = names.find(
    (name) => name.startsWith(prefix) && /^[a-z0-9]{5}$/.test(name.slice(prefix.length)) && !world.knows(name),
  )
  if (recorded) world.learnName(recorded, answer.body.metadata?.name ?? '')
}

/** How the situation's objects ended, as far as it was recorded, next to how they ended here. */
export async function compareFinal(world: World, situation: Situation): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const created = createdIn(situation)
  for (const recorded of situation.final) {
    const kind = String(recorded.kind)
    const expected = world.translate(kind === 'Node' ? nodeSummary(recorded) : recorded)
    const recordedName = String(recorded.name ?? (recorded as ApiObject).metadata?.name)
    const name = world.translate(recordedName)
    const object = `${kind}/${recordedName}`.toLowerCase()
    if (!world.recordedObjects.has(object)) world.hasGap = true
    if (world.hasGap && !created.has(object)) continue
    const resource = resourceNamed(kind.toLowerCase())
    const path = kind === 'Namespace' ? `/api/v1/namespaces/${world.namespace}` : world.pathOf(resource, name)
    const ours = await world.current(path)
    const got = ours && (summaries[kind]?.(ours) ?? ours)
    const what = `${kind} ${name} in the end`
    const difference = got ? firstDifference(normal(expected), normal(got), '') : 'is not there'
    outcomes.push({ scenario: situation.scenario, what, expected: 'as recorded', got: difference ?? 'as recorded' })
  }
  return outcomes
}

/** Of these, the recording keeps a few words. */
const summaries: Readonly<Record<string, (object: ApiObject) => Body>> = { Pod: podSummary, Node: nodeSummary }

/** A node's conditions are its kubelet's to say. */
function nodeSummary({ kind, metadata, spec }: ApiObject): Body {
  return { kind, metadata, spec }
}

function podSummary({ kind, metadata, spec, status }: ApiObject): Body {
  const { phase, conditions = [] } = (status ?? {}) as {
    phase?: string
    conditions?: { type: string; status: string; reason?: string }[]
  }
  const ready = conditions.find(({ type }) => type === 'Ready')
  const disrupted = conditions.find(({ type }) => type === 'DisruptionTarget')
  return {
    kind,
    ...metadata,
    phase,
    node: (spec as { nodeName?: string }).nodeName,
    ready: ready?.status,
    unready: ready?.reason,
    DisruptionTarget: disrupted,
    ...(metadata?.deletionTimestamp && { deletionTimestamp: true }),
    owner: metadata?.ownerReferences?.map((owner) => `${owner.kind}/${owner.name}`),
  }
}

/** Without what cannot be the same twice, or was not kept. */
function normal(object: Body): Body {
  const text = JSON.stringify(object, (field, value) => {
    if (/^(uid|.*controller-uid|resourceVersion|creationTimestamp|managedFields|selfLink)$/.test(field))
      return undefined
    if (/^(clusterIPs?|nodePort|_specOmitted|images|providerID|podCIDRs?)$/.test(field)) return undefined
    if (field === 'targetRef' && typeof value === 'object') return `${value.kind}/${value.name}`
    if (field === 'data' && value?._) return undefined
    // Upstream keeps objects in a form that knows no difference.
    if (/^(endpoints|ports)$/.test(field) && Array.isArray(value) && value.length === 0) return null
    if (field === 'finalizers') return withoutProtection(value)
    return value
  })
  return JSON.parse(text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')) as Body
}

/** These two are put on by an admission plugin that this server leaves out, since no controller of the kit takes them off. */
function withoutProtection(finalizers: readonly string[]): readonly string[] | undefined {
  const others = finalizers.filter((finalizer) => !/^kubernetes\.io\/pvc?-protection$/.test(finalizer))
  return others.length > 0 ? others : undefined
}

/** The first thing that was recorded and is not so here. What was not recorded may be anything. */
function firstDifference(expected: unknown, got: unknown, path: string): string | undefined {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length) return told(expected, got, path)
    for (const [i, item] of expected.entries()) {
      const difference = firstDifference(item, got[i], `${path}[${i}]`)
      if (difference) return difference
    }
    return undefined
  }
  if (typeof expected !== 'object' || expected === null) {
    return (expected ?? undefined) === (got ?? undefined) ? undefined : told(expected, got, path)
  }
  for (const [field, item] of Object.entries(expected)) {
    const difference = firstDifference(item, (got as Body | undefined)?.[field], `${path}.${field}`)
    if (difference) return difference
  }
  return undefined
}

function told(expected: unknown, got: unknown, path: string): string {
  return `${path} is ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`
}
