/**
 * The check behind `fieldValidation`: what in an object its kind's schema does not know.
 */
import type { UnknownFields } from '../contracts/apiserver.ts'
import { decodeObject } from './decode-object.ts'

export const unknownFields: UnknownFields = (resource, object) => decodeObject(resource, object).unknownFields
