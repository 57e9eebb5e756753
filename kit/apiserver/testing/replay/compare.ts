/**
 * How the objects of a situation ended, as far as it was recorded, next to how they ended on our server.
 */
import type { ApiObject } from '../../../api/objects.ts'
import { type Body, createdIn, type Situation } from './recording.ts'
import { resourceNamed, type World } from './world.ts'

export interface Outcome {
  readonly scenario: string
  /** "replicaset-controller POST /api/v1/namespaces/NS/pods" */
  readonly what: string
  readonly expected: string
  readonly got: string
  /** The object was made in a part of the situation that was not recorded: nothing to compare. */
  readonly unknownTarget?: boolean
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
export function normal(object: Body): Body {
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
export function firstDifference(expected: unknown, got: unknown, path: string): string | undefined {
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
