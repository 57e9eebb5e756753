/**
 * What the real kube-controller-manager did, as it was recorded: situations, each with the user's steps, the API writes of
 * the controllers in order, what became of the objects, and how they ended.
 *
 * Bodies that repeat an earlier one are recorded as a reference with exceptions; here they are whole again.
 */
import type { ApiObject } from '../../../api/objects.ts'
import { recordedLines } from '../upstream.ts'

export interface RecordedWrite {
  /** Milliseconds since the situation began. */
  readonly t: number
  /** Last part of the User-Agent. */
  readonly controller: string
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly contentType?: string
  readonly body: Body
  readonly status: number
  readonly error?: { readonly reason: string; readonly message: string }
}

export type Body = Record<string, unknown>

export interface RecordedStep {
  readonly t: number
  /** "kubectl scale rs/rs --replicas=3", "(kubelet) pod p1 phase=Failed exitCode=1" */
  readonly cmd: string
  readonly manifest?: ApiObject
  readonly patch?: Body
  readonly pod?: string
  readonly responseStatus?: number
  readonly error?: unknown
  readonly rc?: number
}

/** What a watch saw of one object. */
export interface RecordedState {
  readonly t: number
  /** "Pod/web-1" */
  readonly object: string
  readonly type?: 'ADDED' | 'DELETED'
  readonly changed?: Readonly<Record<string, unknown>>
}

export interface Situation {
  readonly scenario: string
  readonly steps: readonly RecordedStep[]
  readonly writes: readonly RecordedWrite[]
  readonly states: readonly RecordedState[]
  readonly final: readonly Body[]
}

interface Recorded extends Omit<Situation, 'writes'> {
  readonly writes: readonly RecordedWrite[]
  /** Its writes are only counted, not kept. */
  readonly writesNote?: string
}

/** Every situation whose writes were kept whole. */
export function recordedSituations(): Situation[] {
  return recordedLines<Recorded>('controllers/recordings.jsonl.gz')
    .filter(({ scenario, writesNote }) => scenario !== '_about' && writesNote === undefined)
    .map((recorded) => ({ ...recorded, writes: withWholeBodies(recorded.writes) }))
}

function withWholeBodies(writes: readonly RecordedWrite[]): RecordedWrite[] {
  const whole: RecordedWrite[] = []
  for (const write of writes) {
    const { _sameAsWrite: same, _except: except = {} } = write.body as { _sameAsWrite?: number; _except?: Body }
    if (same === undefined) whole.push(write)
    else whole.push({ ...write, body: withExceptions(whole[same]!.body, except) })
  }
  return whole
}

/** @param exceptions values by JSON pointer; "<absent>" for what is not there. */
function withExceptions(original: Body, exceptions: Body): Body {
  const body = structuredClone(original)
  const entries = Object.entries(exceptions)
  for (const [pointer, value] of entries) if (value !== '<absent>') setAt(body, pointer, value)
  // From the last on, so that what is taken out of a list does not move what is still to be taken.
  const absent = entries.filter(([, value]) => value === '<absent>').map(([pointer]) => pointer)
  for (const pointer of absent.sort().reverse()) removeAt(body, pointer)
  return absent.length > 0 ? (withoutEmptyItems(body) as Body) : body
}

/** An item of a list of which every part was taken away was not there at all. */
function withoutEmptyItems(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isEmpty(item)).map(withoutEmptyItems)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, withoutEmptyItems(item)]))
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(isEmpty)
}

function setAt(body: Body, pointer: string, value: unknown): void {
  const parts = partsOf(pointer)
  const last = parts.pop() ?? ''
  let at = body
  for (const [i, part] of parts.entries()) {
    at[part] ??= /^\d+$/.test(parts[i + 1] ?? last) ? [] : {}
    at = at[part] as Body
  }
  at[last] = value
}

function removeAt(body: Body, pointer: string): void {
  const parts = partsOf(pointer)
  const last = parts.pop() ?? ''
  const at = parts.reduce<Body | undefined>((value, part) => value?.[part] as Body | undefined, body)
  if (Array.isArray(at)) at.splice(Number(last), 1)
  else if (at) Reflect.deleteProperty(at, last)
}

function partsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

interface Group {
  readonly situations: Situation[]
  readonly seen: Set<string>
}

/**
 * Situations that share a namespace, since one goes on where another ended. (They were recorded several at a time, so the
 * others need not be next to it.)
 */
export function inSharedNamespaces(situations: readonly Situation[]): Situation[][] {
  const groups: Group[] = []
  for (const situation of situations) {
    const created = createdIn(situation)
    const mentioned = mentionedIn(situation)
    const inherited = [...mentioned].filter((object) => !created.has(object))
    const isNewHere = ({ seen }: Group) => [...madeByUser(situation)].every((object) => !seen.has(object))
    const hasMadeUpName = (object: string) => /-[a-z0-9]{5}$/.test(object)
    const evidence = inherited.some(hasMadeUpName) ? inherited.filter(hasMadeUpName) : inherited
    const shared = (group: Group) => (isNewHere(group) ? evidence.filter((object) => group.seen.has(object)).length : 0)
    const best = groups.toReversed().sort((a, b) => shared(b) - shared(a))[0]
    const group = best && shared(best) > 0 ? best : { situations: [], seen: new Set<string>() }
    if (group !== best) groups.push(group)
    group.situations.push(situation)
    for (const object of [...created, ...mentioned]) group.seen.add(object)
  }
  return groups.map((group) => group.situations)
}

/** "pod/web": kinds and names in lower case. */
export function createdIn(situation: Situation): Set<string> {
  const { writes, states } = situation
  return new Set([
    ...madeByUser(situation),
    ...writes.flatMap(({ method, body }) => {
      const { kind, metadata } = body as ApiObject
      return method === 'POST' && metadata?.name ? [`${kind}/${metadata.name}`.toLowerCase()] : []
    }),
    ...states.filter(({ type }) => type === 'ADDED').map(({ object }) => object.toLowerCase()),
  ])
}

function madeByUser({ steps }: Situation): Set<string> {
  const manifests = steps.flatMap(({ manifest }) => (manifest ? itemsOf(manifest) : []))
  return new Set(manifests.map(({ kind, metadata }) => `${kind}/${metadata?.name}`.toLowerCase()))
}

/** In the namespace, but for what every namespace has. */
function mentionedIn({ final, states }: Situation): Set<string> {
  const names = [
    ...final.map((object) => `${object.kind}/${object.name ?? (object as ApiObject).metadata?.name}`),
    ...states.map(({ object }) => object),
  ]
  const everywhere = /^(node|namespace|clusterrole|persistentvolume\/|configmap\/kube-root|serviceaccount\/default)/
  return new Set(names.map((name) => name.toLowerCase()).filter((name) => !everywhere.test(name)))
}

export function itemsOf(manifest: ApiObject): ApiObject[] {
  return Array.isArray(manifest.items) ? (manifest.items as ApiObject[]) : [manifest]
}
