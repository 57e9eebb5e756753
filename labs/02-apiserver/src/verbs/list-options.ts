/**
 * The query of a list or watch, checked.
 *
 * Source: apimachinery `pkg/apis/meta/internalversion/validation/validation.go`; apiserver `pkg/storage/errors.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { ApiRequest, KindRow } from '#kit/contracts/apiserver.ts'
import { badRequest, invalid } from '../errors.ts'
import { isTrue } from '../request-info.ts'
import { checkFieldsAreSelectable, fieldsOf, matchesFields, parseFieldSelector } from '../selectors/field-selector.ts'
import { matchesRequirements, parseLabelSelector } from '../selectors/label-selector.ts'
import { forbiddenField } from '../validation/field-errors.ts'

export interface ListOptions {
  /** Whether an object (as stored) is wanted. */
  matches(object: Stored<ApiObject>): boolean
  /** True when there is no selector. */
  readonly matchesAll: boolean
  /** undefined: the newest; 0: any will do. */
  readonly resourceVersion: number | undefined
  readonly resourceVersionMatch: 'Exact' | 'NotOlderThan' | undefined
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
    resourceVersion: resourceVersionOf(query.resourceVersion?.[0]),
    resourceVersionMatch: matchOf(query.resourceVersionMatch?.[0]),
    limit: integerOf(query.limit?.[0]) ?? 0,
    continue: query.continue?.[0] ?? '',
    timeoutSeconds: integerOf(query.timeoutSeconds?.[0]),
    allowWatchBookmarks: isTrue(query.allowWatchBookmarks),
    sendInitialEvents: query.sendInitialEvents ? isTrue(query.sendInitialEvents) : undefined,
  }
  checkCombination(options, isTrue(query.watch))
  return options
}

function checkCombination(options: ListOptions, isWatch: boolean): void {
  const { resourceVersionMatch: match, resourceVersion, sendInitialEvents } = options
  const refuse = (field: string, detail: string) => {
    const kind = { group: 'meta.k8s.io', kind: 'ListOptions' }
    return invalid(kind, '', [forbiddenField(field, detail)])
  }
  if (isWatch) {
    if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
      throw refuse('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
    }
    if (sendInitialEvents === undefined && match) {
      throw refuse(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      )
    }
    return
  }
  if (sendInitialEvents !== undefined) throw refuse('sendInitialEvents', 'sendInitialEvents is forbidden for list')
  if (!match) return
  if (options.continue)
    throw refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided')
  if (resourceVersion === undefined) {
    throw refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided')
  }
  if (match === 'Exact' && resourceVersion === 0) {
    throw refuse('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
  }
}

function resourceVersionOf(text = ''): number | undefined {
  if (text === '') return undefined
  const version = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version
  throw badRequest(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
}

function matchOf(text = ''): ListOptions['resourceVersionMatch'] {
  if (text === '' || text === 'Exact' || text === 'NotOlderThan') return text || undefined
  throw badRequest(`resourceVersionMatch: "${text}" is none of Exact, NotOlderThan`)
}

/** In upstream's words when it is none. */
function integerOf(text = ''): number | undefined {
  if (text === '') return undefined
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`)
}
