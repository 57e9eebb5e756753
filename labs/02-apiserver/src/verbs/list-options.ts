/**
 * The query of a list or watch, checked.
 *
 * Source: apimachinery `pkg/apis/meta/internalversion/validation/validation.go`; apiserver `pkg/storage/errors.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { ApiRequest, FieldError, KindRow } from '#kit/contracts/apiserver.ts'
import { badRequest, invalid } from '../errors.ts'
import { isTrue } from '../request-info.ts'
import {
  checkFieldsAreSelectable,
  type FieldRequirement,
  fieldsOf,
  matchesFields,
  parseFieldSelector,
} from '../selectors/field-selector.ts'
import { matchesRequirements, parseLabelSelector } from '../selectors/label-selector.ts'
import { forbiddenField, notSupported } from '../validation/field-errors.ts'

export interface ListOptions {
  /** Whether an object (as stored) is wanted. */
  matches(object: Stored<ApiObject>): boolean
  /** True when there is no selector. */
  readonly matchesAll: boolean
  /** What of that is asked of fields. */
  readonly fields: readonly FieldRequirement[]
  /** undefined: the newest; 0: any will do. */
  readonly resourceVersion: number | undefined
  /** "Exact", "NotOlderThan", or something that is refused. */
  readonly resourceVersionMatch: string | undefined
  readonly limit: number
  readonly continue: string
  readonly timeoutSeconds: number | undefined
  readonly allowWatchBookmarks: boolean
  readonly sendInitialEvents: boolean | undefined
}

export function parseListOptions({ query }: Pick<ApiRequest, 'query'>, row: KindRow): ListOptions {
  const labels = parseLabelSelector(query.labelSelector?.[0] ?? '')
  const fields = parseFieldSelector(query.fieldSelector?.[0] ?? '')
  checkFieldsAreSelectable(fields, row)
  const options: ListOptions = {
    matches: (object) =>
      matchesRequirements(labels, object.metadata.labels) &&
      (fields.length === 0 || matchesFields(fields, fieldsOf(row, object))),
    matchesAll: labels.length === 0 && fields.length === 0,
    fields,
    resourceVersion: resourceVersionOf(query.resourceVersion?.[0]),
    resourceVersionMatch: query.resourceVersionMatch?.[0] || undefined,
    limit: integerOf(query.limit?.[0]) ?? 0,
    continue: query.continue?.[0] ?? '',
    timeoutSeconds: integerOf(query.timeoutSeconds?.[0]),
    allowWatchBookmarks: isTrue(query.allowWatchBookmarks),
    sendInitialEvents: query.sendInitialEvents ? isTrue(query.sendInitialEvents) : undefined,
  }
  if (!isTrue(query.watch)) {
    checkCombination(options, false)
    return options
  }
  const withDefaults = withInitialEvents(options)
  checkCombination(withDefaults, true)
  return withDefaults
}

/**
 * A watch from no version or from 0 has always begun with what is there; now that this can be asked for, it is the same as
 * asking. Source: apimachinery `pkg/apis/meta/internalversion/defaults.go`.
 */
function withInitialEvents(options: ListOptions): ListOptions {
  const { sendInitialEvents, resourceVersionMatch, resourceVersion } = options
  const isAsked = sendInitialEvents !== undefined || resourceVersionMatch !== undefined
  if (isAsked || resourceVersion) return options
  return { ...options, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
}

/** What only makes sense together, and what never does; everything that is wrong at once, as for objects. */
function checkCombination(options: ListOptions, isWatch: boolean): void {
  const errors = isWatch ? watchErrors(options) : listErrors(options)
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  if (options.continue && options.resourceVersion) {
    throw badRequest('specifying resource version is not allowed when using continue')
  }
}

const MATCH = 'resourceVersionMatch'
const NOT_WITH_CONTINUE = forbiddenField(MATCH, 'resourceVersionMatch is forbidden when continue is provided')

function listErrors(options: ListOptions): FieldError[] {
  const { resourceVersionMatch: match, resourceVersion, sendInitialEvents } = options
  const errors: FieldError[] = []
  if (match) {
    if (resourceVersion === undefined) {
      errors.push(forbiddenField(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'))
    }
    if (options.continue) errors.push(NOT_WITH_CONTINUE)
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']))
    }
    if (match === 'Exact' && resourceVersion === 0) {
      errors.push(forbiddenField(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    }
  }
  if (sendInitialEvents !== undefined) {
    errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  return errors
}

function watchErrors(options: ListOptions): FieldError[] {
  const { resourceVersionMatch: match, sendInitialEvents } = options
  const errors: FieldError[] = []
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbiddenField(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  }
  if (!match) return errors
  if (sendInitialEvents === undefined) {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
    errors.push(forbiddenField(MATCH, why))
  }
  if (match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['NotOlderThan']))
  if (options.continue) errors.push(NOT_WITH_CONTINUE)
  return errors
}

/** In upstream's words when it is none. */
export function resourceVersionOf(text = ''): number | undefined {
  if (text === '') return undefined
  const version = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version
  const why = `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`
  throw badRequest(`invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: ${why}`)
}

function integerOf(text = ''): number | undefined {
  if (text === '') return undefined
  if (/^[-+]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
}
