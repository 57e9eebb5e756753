/**
 * Compares two JSON answers path by path, so that a difference is a short sentence: `spec.replicas is 3, not 2`.
 *
 * Of a list only the shape is compared, all of its items taken together: which objects there are is a matter of moments.
 */
import { normalise } from './normalise.ts'

export interface BodyComparison {
  /** Protobuf has no empty values: whether there is one is then not compared. */
  readonly ignoreEmpty: boolean
}

/** @returns what is wrong with `ours`, sorted by path. */
export function compareBodies(ours: unknown, theirs: unknown, options: BodyComparison): string[] {
  const [left, right] = [leavesOf(ours, options), leavesOf(theirs, options)]
  const differences: string[] = []
  for (const path of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    if (isOfTheMoment(path)) continue
    const [our, their] = [left.get(path), right.get(path)]
    if (!our) differences.push(`lacks ${path}`)
    else if (!their) differences.push(`has ${path}, which is not there`)
    else if (!isOfManyObjects(path) && !sameValues(our, their)) {
      differences.push(`${path} is ${difference(our, their)}`)
    }
  }
  return mergeChildren(differences)
}

type Leaves = Map<string, Set<string>>

function leavesOf(value: unknown, { ignoreEmpty }: BodyComparison): Leaves {
  const leaves: Leaves = new Map()
  const add = (path: string, leaf: string) => leaves.set(path, (leaves.get(path) ?? new Set()).add(leaf))
  const visit = (path: string, value: unknown): void => {
    if (ignoreEmpty && isEmpty(value)) return
    // Who set which field has a language of its own: it is compared as a whole.
    if (path.endsWith('.managedFields')) return void add(path, managersOf(value))
    if (Array.isArray(value) && value.length > 0) for (const item of value) visit(`${path}[]`, item)
    else if (isObject(value) && Object.keys(value).length > 0) {
      for (const [key, child] of Object.entries(value)) visit(path === '' ? key : `${path}.${normalise(key)}`, child)
    } else add(path, leafText(path, value))
  }
  visit('', value)
  return leaves
}

function leafText(path: string, value: unknown): string {
  if (/(^|\.)(resourceVersion|uid|nodePort|nodeName|pod-template-hash|images\[\]\.names\[\])$/.test(path))
    return '<any>'
  return normalise(JSON.stringify(value))
}

/** Who reports about the object owns what there was to report at the moment; compared are those who want something. */
const REPORTERS = ['kube-controller-manager', 'hollow-kubelet']

function managersOf(value: unknown): string {
  if (!Array.isArray(value)) return JSON.stringify(value)
  const entries = value as { manager?: string; operation?: string; subresource?: string; fieldsV1?: unknown }[]
  return entries
    .filter(({ manager = '' }) => !REPORTERS.includes(manager))
    .map(({ manager, operation, subresource = '', fieldsV1 }) => {
      const fields = normalise(JSON.stringify(sorted(fieldsV1)).replaceAll('\\"', "'"))
      return `${manager} ${operation} ${subresource} ${fields}`
    })
    .sort()
    .join('\n')
}

function sorted(value: unknown): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === '' || value === 0 || value === false) return true
  if (Array.isArray(value)) return value.length === 0
  return isObject(value) && Object.values(value).every(isEmpty)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What controllers count, and how far they have come. */
function isOfTheMoment(path: string): boolean {
  return /(^|\.)(status\.(\w*[rR]eplicas|observedGeneration|conditions)|deployment\.kubernetes\.io\/revision)/.test(
    path,
  )
}

function isOfManyObjects(path: string): boolean {
  return /^(items|rows)\[\]/.test(path)
}

function sameValues(our: ReadonlySet<string>, their: ReadonlySet<string>): boolean {
  return our.size === their.size && [...our].every((value) => their.has(value))
}

/** Of several values those that are on one side only. */
function difference(our: ReadonlySet<string>, their: ReadonlySet<string>): string {
  if (our.size === 1 && their.size === 1) return `${shown([...our])}, not ${shown([...their])}`
  const [added, missing] = [
    [...our].filter((value) => !their.has(value)),
    [...their].filter((value) => !our.has(value)),
  ]
  return [
    ...(added.length > 0 ? [`also ${shown(added)}`] : []),
    ...(missing.length > 0 ? [`never ${shown(missing)}`] : []),
  ].join(', and ')
}

const MAX_SHOWN = 300

function shown(values: readonly string[]): string {
  const text = values.join(' | ')
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

/** What lacks a whole object lacks each of its fields; to say it once is enough. */
function mergeChildren(differences: readonly string[]): string[] {
  const merged = new Map<string, number>()
  for (const difference of differences) {
    const [, verb = '', path = ''] = /^(lacks|has) ([^,]+)/.exec(difference) ?? []
    const parent = path.split('.').slice(0, PARENT_DEPTH).join('.')
    const key = verb && path.split('.').length > PARENT_DEPTH ? `${verb} parts of ${parent}` : difference
    merged.set(key, (merged.get(key) ?? 0) + 1)
  }
  return [...merged.keys()]
}

/** "items[].spec.template.spec": deeper is detail. */
const PARENT_DEPTH = 6
