/**
 * How objects of a kind are divided into fields that may have different owners.
 *
 * Most of it is plain: a struct is divided into its fields, a map into its entries. Lists are the hard part. A list is
 * one field, to be owned as a whole, unless the API says how its items can be told apart: as a set of values, or by keys.
 *
 * Source: structured-merge-diff `schema/elements.go`; in OpenAPI `x-kubernetes-list-type`, `x-kubernetes-list-map-keys`,
 * `x-kubernetes-map-type`.
 */
/** A value's type, as far as it matters to who owns what. */
export type FieldType =
  /** One field, whatever is inside: a number, a text, or an "atomic" list or struct. */
  | { readonly shape: 'leaf' }
  /** Undefined for fields that the struct does not have, or that nobody can own. */
  | { readonly shape: 'struct'; field(name: string): FieldType | undefined }
  /** A map from strings: any name is a field. */
  | { readonly shape: 'map'; field(name: string): FieldType | undefined }
  /** A list of plain values, each at most once: finalizers. */
  | { readonly shape: 'set' }
  /** A list of structs that are told apart by some of their fields: containers by name. */
  | { readonly shape: 'list'; readonly keys: readonly ListKey[]; readonly items: FieldType }

export interface ListKey {
  readonly name: string
  /** What an item means that leaves the key out: a port's protocol is TCP. */
  readonly fallback?: string
}

export interface KindFields {
  /** Of the whole object. It has no fields that nobody can own: apiVersion, kind, a name, a uid, … */
  readonly type: FieldType
  /**
   * What every object of the kind has, though nothing was said: `{ metadata: {}, spec: { template: … } }`. Creating an
   * object does not make its creator the owner of its spec as such, only of what is in it.
   */
  readonly empty: Readonly<Record<string, unknown>>
}

/** Undefined for kinds whose fields are not known. */
export type FieldsOfKind = (kind: {
  readonly group: string
  readonly version: string
  readonly kind: string
}) => KindFields | undefined
