/**
 * A short name for a pod template: the same template always gets the same name, another template almost surely another.
 *
 * The name is a label value, part of the ReplicaSet's name and of its pods' names. So creating the ReplicaSet twice,
 * because the copy was behind or the process was killed in between, ends in AlreadyExists instead of a second
 * ReplicaSet.
 *
 * Source: kubernetes `pkg/controller/controller_utils.go` (ComputeHash), apimachinery `util/rand` (SafeEncodeString).
 * Upstream hashes a Go print-out of the struct, which nobody else can reproduce; any stable hash will do.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { PodTemplateSpec } from '#kit/api/objects.ts'

/** No vowels, no 0, 1 and 3: so that no names spell words, and none are mistaken for others. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * Up to ten characters of `ALPHABET`: the 32-bit FNV-1a hash of the template's canonical JSON followed by the collision
 * count (nothing when it is 0), written in decimal, each digit d as the letter `ALPHABET[d]`.
 *
 * `collisionCount` is raised when two templates have the same hash, which gives the newer one another name.
 *
 * @lab 4.4 Name a template by its hash
 */
export function podTemplateHash(template: PodTemplateSpec, collisionCount = 0): string {
  throw new NotImplemented(
    '4.4',
    'podTemplateHash',
    'Name a template by its hash',
    'labs/04-controllers/src/deployment/template-hash.ts',
  )
}

/** JSON with the fields of every object in alphabetical order, so that equal values have equal text. Given. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  fields.sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`
}
