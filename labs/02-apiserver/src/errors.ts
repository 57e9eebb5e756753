/**
 * The ways of saying no, each with upstream's code, reason, text and details. kubectl and client libraries read them.
 *
 * Source: apimachinery `pkg/api/errors/errors.go`.
 */
import type { Resource } from '#kit/api/resources.ts'
import { type StatusDetails, StatusError } from '#kit/api/status-error.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'

type Named = Pick<Resource, 'group' | 'plural'>

/** "pods", "deployments.apps": how messages call a resource. */
export function qualifiedName({ group, plural }: Named): string {
  return group ? `${plural}.${group}` : plural
}

function details({ group, plural }: Named, name: string): StatusDetails {
  return { ...(name && { name }), ...(group && { group }), kind: plural }
}

export function notFound(resource: Named, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualifiedName(resource)} "${name}" not found`, details(resource, name))
}

export function alreadyExists(resource: Named, name: string): StatusError {
  const text = `${qualifiedName(resource)} "${name}" already exists`
  return new StatusError(409, 'AlreadyExists', text, details(resource, name))
}

/** Somebody else changed the object since the writer read it: read again, decide again. */
export function conflict(
  resource: Named,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): StatusError {
  const text = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`
  return new StatusError(409, 'Conflict', text, details(resource, name))
}

export function forbidden(resource: Named, name: string, why: string): StatusError {
  const text = `${qualifiedName(resource)}${name ? ` "${name}"` : ''} is forbidden: ${why}`
  return new StatusError(403, 'Forbidden', text, details(resource, name))
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message)
}

export function methodNotAllowed(): StatusError {
  return new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
}

export function unknownResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource')
}

const NOT_NOW = "Cannot evict pod as it would violate the pod's disruption budget."

function notNow(why: string, retryAfterSeconds?: number): StatusError {
  const causes = [{ reason: 'DisruptionBudget', message: why }]
  return new StatusError(429, 'TooManyRequests', NOT_NOW, { causes, ...(retryAfterSeconds && { retryAfterSeconds }) })
}

/** The budget's numbers are about to change: ask again in ten seconds. */
export function budgetIsBusy(name: string): StatusError {
  return notNow(`The disruption budget ${name} is still being processed by the server.`, 10)
}

/** Not one more pod of these may go at the moment; nobody knows until when. */
export function budgetIsUsedUp(
  name: string,
  { desiredHealthy, currentHealthy }: { readonly desiredHealthy: number; readonly currentHealthy: number },
): StatusError {
  return notNow(
    `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  )
}

/** Everything wrong with the object in one answer, so that a user need not fix one error at a time. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`)
  const all = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  const qualifiedKind = kind.group ? `${kind.kind}.${kind.group}` : kind.kind
  return new StatusError(422, 'Invalid', `${qualifiedKind} "${name}" is invalid: ${all}`, {
    ...(name && { name }),
    ...(kind.group && { group: kind.group }),
    kind: kind.kind,
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  })
}

/**
 * The resource version is older than what the server remembers: list again, watch from there.
 *
 * @param continueToken for a list that goes on with what is there now, if the client can live with that
 */
export function expired(message: string, continueToken?: string): StatusError {
  return new StatusError(410, 'Expired', message, undefined, continueToken ? { continue: continueToken } : {})
}

/** The client knows a newer version than the server does (yet). */
export function resourceVersionTooLarge(wanted: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}
