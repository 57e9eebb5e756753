/**
 * LimitRanger: what one container, one pod or one claim of a namespace may ask for, at least and at most, and what containers
 * get that ask for nothing. A LimitRange looks at one object at a time; adding them up is a quota's business.
 *
 * Source: kubernetes `plugin/pkg/admission/limitranger/admission.go`.
 */
import type { ApiObject, Container, LimitRange, PersistentVolumeClaim, Pod } from '#kit/api/objects.ts'
import { compareQuantities, formatQuantity, isQuantity, parseQuantity } from '#kit/api/quantity.ts'
import type { Amounts } from '#kit/counting/amounts.ts'
import { podAmounts } from '#kit/counting/pod-amounts.ts'
import { forbidden } from '../errors.ts'
import { qosClass } from '../kinds/pod.ts'
import type { AdmissionReview } from './chain.ts'

type Limit = NonNullable<LimitRange['spec']>['limits'][number]
interface Asked {
  readonly requests: Amounts
  /** Absent where limits mean nothing: a claim has only requests. */
  readonly limits?: Amounts
}

const SET_BY_US = 'kubernetes.io/limit-ranger'

/** Fills in and checks a new pod, checks a claim; throws Forbidden with everything that is wrong. */
export function checkLimits(review: AdmissionReview, limitRanges: readonly LimitRange[]): void {
  const { row, operation, subresource, draft } = review
  if (!draft || limitRanges.length === 0 || draft.metadata?.deletionTimestamp || row.resource.group !== '') return
  // What is no amount cannot be compared. Validation will say so.
  if (amountsOf(draft).some((amount) => !isQuantity(amount))) return
  const isNewPod = row.resource.kind === 'Pod' && operation === 'CREATE' && subresource === ''
  const isResized = row.resource.kind === 'Pod' && subresource === 'resize'
  const isClaim = row.resource.kind === 'PersistentVolumeClaim' && subresource === ''
  const limits = limitRanges.flatMap(({ spec }) => spec?.limits ?? [])
  if (isNewPod) for (const range of limitRanges) fillInPod(draft as Pod, range.spec?.limits ?? [])
  if (isNewPod || isResized)
    refuse(
      review,
      limits.flatMap((limit) => podProblems(draft as Pod, limit)),
    )
  if (isClaim)
    refuse(
      review,
      limits.flatMap((limit) => claimProblems(draft, limit)),
    )
}

function amountsOf(draft: ApiObject): string[] {
  const { containers = [], initContainers = [], resources } = (draft as Pod & PersistentVolumeClaim).spec ?? {}
  return [...containers, ...initContainers, { resources }].flatMap(({ resources: asked }) => [
    ...Object.values(asked?.requests ?? {}),
    ...Object.values(asked?.limits ?? {}),
  ])
}

/** Gives each container that does not say what it wants the namespace's defaults, and notes in an annotation which. */
function fillInPod(pod: Pod, limits: readonly Limit[]): void {
  const ofContainers = limits.filter(({ type }) => type === 'Container')
  const defaults = {
    limits: Object.assign({}, ...ofContainers.map((limit) => limit.default)) as Amounts,
    requests: Object.assign({}, ...ofContainers.map((limit) => limit.defaultRequest)) as Amounts,
  }
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((container) => fillIn(container, 'container', defaults)),
    ...(pod.spec?.initContainers ?? []).flatMap((container) => fillIn(container, 'init container', defaults)),
  ]
  if (notes.length === 0 || !pod.spec) return
  const annotations = { ...pod.metadata?.annotations, [SET_BY_US]: `LimitRanger plugin set: ${notes.join('; ')}` }
  pod.metadata = { ...pod.metadata, annotations }
  Object.assign(pod, { status: { ...pod.status, qosClass: qosClass(pod.spec) } })
}

/** @returns "cpu, memory request for container main" */
function fillIn(container: Container, what: string, defaults: Required<Asked>): string[] {
  return (['requests', 'limits'] as const).flatMap((which) => {
    const said: Amounts = container.resources?.[which] ?? {}
    const added = Object.keys(defaults[which]).filter((name) => !(name in said))
    if (added.length === 0) return []
    container.resources = { ...container.resources, [which]: { ...defaults[which], ...said } }
    return [`${added.sort().join(', ')} ${which === 'requests' ? 'request' : 'limit'} for ${what} ${container.name}`]
  })
}

function podProblems({ spec }: Pod, limit: Limit): string[] {
  if (!spec) return []
  if (limit.type === 'Pod') {
    return problems(limit, { requests: podAmounts(spec, 'requests'), limits: podAmounts(spec, 'limits') })
  }
  if (limit.type !== 'Container') return []
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
    problems(limit, { requests: resources?.requests ?? {}, limits: resources?.limits ?? {} }),
  )
}

function claimProblems(claim: ApiObject, limit: Limit): string[] {
  if (limit.type !== 'PersistentVolumeClaim') return []
  return problems(limit, { requests: (claim as PersistentVolumeClaim).spec?.resources?.requests ?? {} })
}

function problems(limit: Limit, asked: Asked): string[] {
  const each = (bounds: Amounts | undefined, check: (name: string, bound: string) => string | undefined) =>
    Object.entries(bounds ?? {}).flatMap(([name, bound]) => check(name, bound) ?? [])
  return [
    ...each(limit.min, (name, bound) => tooLittle(limit.type, name, bound, asked)),
    ...each(limit.max, (name, bound) => tooMuch(limit.type, name, bound, asked)),
    ...each(limit.maxLimitRequestRatio, (name, bound) => tooWide(limit.type, name, bound, asked)),
  ]
}

function tooLittle(type: string, name: string, bound: string, { requests, limits = {} }: Asked): string | undefined {
  const rule = `minimum ${name} usage per ${type} is ${shown(bound)}`
  const [request, limit] = [requests[name], limits[name]]
  if (request === undefined) return `${rule}.  No request is specified`
  if (isLess(request, bound)) return `${rule}, but request is ${shown(request)}`
  if (limit !== undefined && isLess(limit, bound)) return `${rule}, but limit is ${shown(limit)}`
  return undefined
}

function tooMuch(type: string, name: string, bound: string, { requests, limits }: Asked): string | undefined {
  const rule = `maximum ${name} usage per ${type} is ${shown(bound)}`
  const [request, limit] = [requests[name], limits?.[name]]
  if (limits && limit === undefined) return `${rule}.  No limit is specified`
  if (!limits && request === undefined) return `${rule}.  No request is specified`
  if (limit !== undefined && isLess(bound, limit)) return `${rule}, but limit is ${shown(limit)}`
  if (request !== undefined && isLess(bound, request)) return `${rule}, but request is ${shown(request)}`
  return undefined
}

/** A limit far above the request is a promise that not everybody can have kept at once. */
function tooWide(type: string, name: string, bound: string, { requests, limits = {} }: Asked): string | undefined {
  const rule = `${name} max limit to request ratio per ${type} is ${shown(bound)}`
  const request = Number(nanos(requests[name]))
  const limit = Number(nanos(limits[name]))
  if (request === 0) return `${rule}, but no request is specified or request is 0`
  if (limit === 0) return `${rule}, but no limit is specified or limit is 0`
  const ratio = limit / request
  return ratio * 1e9 > Number(nanos(bound)) ? `${rule}, but provided ratio is ${ratio.toFixed(6)}` : undefined
}

function refuse({ row, name }: AdmissionReview, texts: readonly string[]): void {
  // The same thing said twice is said once.
  const all = [...new Set(texts)]
  if (all.length > 0) throw forbidden(row.resource, name, all.length === 1 ? `${all[0]}` : `[${all.join(', ')}]`)
}

const isLess = (a: string, b: string) => compareQuantities(parseQuantity(a), parseQuantity(b)) < 0
const shown = (text: string) => formatQuantity(parseQuantity(text))
const nanos = (text: string | undefined) => parseQuantity(text ?? '0').nanos
