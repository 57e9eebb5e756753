/**
 * What an Event must say. Those of the newer group must say more; both are checked in the form in which they are stored.
 *
 * Source: kubernetes `pkg/apis/core/validation/events.go` (legacyValidateEvent, ValidateEventCreate, ValidateEventUpdate).
 */
import type { ApiObject, CoreEvent, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { immutable, invalidValue, required } from '../validation/field-errors.ts'

const MOST_CHARACTERS = 128
const MOST_OF_A_NOTE = 1024

/** An event is where its object is; events about cluster-scoped objects are in "default". */
export function validateCoreEvent(object: ApiObject): readonly FieldError[] {
  const event = object as Partial<CoreEvent> & ApiObject
  const place = event.involvedObject?.namespace ?? ''
  const namespace = event.metadata?.namespace ?? ''
  const isThere = place === '' ? namespace === 'default' || namespace === '' : place === namespace
  const errors = isThere
    ? []
    : [invalidValue('involvedObject.namespace', JSON.stringify(place), 'does not match event.namespace')]
  return event.eventTime ? [...errors, ...reporterErrors(event, 'reportingComponent')] : errors
}

/** Of events.k8s.io: all that a reader needs to make sense of it. */
export function validateEvent(object: ApiObject): readonly FieldError[] {
  const event = object as Partial<CoreEvent> & ApiObject
  const { eventTime, message = '', type = '' } = event
  return [
    ...validateCoreEvent({ ...object, eventTime: undefined }),
    ...(eventTime ? [] : [required('eventTime')]),
    ...reporterErrors(event, 'reportingController'),
    ...tooManyCharacters('message', message, MOST_OF_A_NOTE),
    ...(type === 'Normal' || type === 'Warning'
      ? []
      : [invalidValue('type', JSON.stringify(type), `has invalid value: ${type}`)]),
  ]
}

/** A series may go on; what it is a series of stays. */
export function validateEventUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const [after, before] = [object, old as ApiObject] as [Partial<CoreEvent>, Partial<CoreEvent>]
  return [
    ...immutable('involvedObject', after.involvedObject, before.involvedObject),
    ...immutable('reason', after.reason, before.reason),
    ...immutable('message', after.message, before.message),
    ...immutable('type', after.type, before.type),
    ...immutable('eventTime', after.eventTime, before.eventTime),
    ...immutable('action', after.action, before.action),
    ...immutable('related', after.related, before.related),
    ...immutable('reportingController', after.reportingComponent, before.reportingComponent),
    ...immutable('reportingInstance', after.reportingInstance, before.reportingInstance),
  ]
}

function reporterErrors(event: Partial<CoreEvent>, controllerField: string): FieldError[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '' } = event
  return [
    ...(reportingComponent ? [] : [required(controllerField)]),
    ...presentAndShort('reportingInstance', reportingInstance),
    ...presentAndShort('action', action),
    ...presentAndShort('reason', reason),
  ]
}

function presentAndShort(field: string, text: string): FieldError[] {
  return text === '' ? [required(field)] : tooManyCharacters(field, text, MOST_CHARACTERS)
}

function tooManyCharacters(field: string, text: string, most: number): FieldError[] {
  return text.length > most ? [invalidValue(field, '""', `can have at most ${most} characters`)] : []
}
