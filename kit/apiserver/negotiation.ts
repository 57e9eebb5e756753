/**
 * Content negotiation: which form of the answer a client would like best among those that there are.
 *
 * kubectl asks for a Table and takes JSON instead; typed clients ask for protobuf and take JSON instead; metadata
 * informers ask for PartialObjectMetadata. The first acceptable clause in order of quality wins; none is a 406.
 * Source: apiserver `pkg/endpoints/handlers/negotiation/negotiate.go`.
 */
import { StatusError } from '../api/status-error.ts'

export interface Representation {
  readonly encoding: 'json' | 'yaml'
  /** What the object is turned into on its way out. */
  readonly as: 'Object' | 'Table' | 'PartialObjectMetadata' | 'APIGroupDiscoveryList'
  /** Version of the meta.k8s.io (or apidiscovery.k8s.io) group that was asked for. */
  readonly version: string
}

/** An object as it is, in JSON: the answer to no `Accept` at all, and the form of every error. */
export const plainJson: Representation = { encoding: 'json', as: 'Object', version: '' }

/** Which `as=` can be had, with the group it is defined in. */
const transformations: Readonly<Record<string, { readonly as: Representation['as']; readonly group: string }>> = {
  Table: { as: 'Table', group: 'meta.k8s.io' },
  PartialObjectMetadata: { as: 'PartialObjectMetadata', group: 'meta.k8s.io' },
  PartialObjectMetadataList: { as: 'PartialObjectMetadata', group: 'meta.k8s.io' },
}

const discovery: typeof transformations = {
  APIGroupDiscoveryList: { as: 'APIGroupDiscoveryList', group: 'apidiscovery.k8s.io' },
}

/** Clients say the same thing with every request, and there are few sorts of clients. Whoever makes up more is served as well. */
const negotiated = new Map<string | undefined, Representation>()
const MOST_NEGOTIATED = 100

/** For objects, lists and watches. Throws 406 when nothing fits. The same object for the same header. */
export function negotiate(accept: string | undefined): Representation {
  const known = negotiated.get(accept)
  if (known) return known
  const found = firstAcceptable(accept, transformations, ['v1', 'v1beta1'])
  if (found) {
    if (negotiated.size < MOST_NEGOTIATED) negotiated.set(accept, found)
    return found
  }
  throw new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  )
}

/** For /api and /apis. Old clients, and browsers, get the older form of discovery. */
export function negotiateDiscovery(accept: string | undefined): Representation {
  return firstAcceptable(accept, discovery, ['v2', 'v2beta1']) ?? plainJson
}

function firstAcceptable(
  accept: string | undefined,
  known: typeof transformations,
  versions: readonly string[],
): Representation | undefined {
  if (!accept?.trim()) return plainJson
  for (const { type, parameters } of clauses(accept)) {
    const encoding = encodingOf(type)
    if (!encoding) continue
    if (!parameters.as) return { encoding, as: 'Object', version: '' }
    const wanted = Object.hasOwn(known, parameters.as) ? known[parameters.as]! : undefined
    if (wanted && parameters.g === wanted.group && versions.includes(parameters.v ?? '')) {
      return { encoding, as: wanted.as, version: parameters.v! }
    }
  }
  return undefined
}

function encodingOf(type: string): Representation['encoding'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json'
  if (type === 'application/yaml') return 'yaml'
  return undefined
}

interface Clause {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Best quality first; equally good ones as the client wrote them. */
function clauses(accept: string): Clause[] {
  const parsed = accept.split(',').map((text) => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim())
    const parameters: Record<string, string> = {}
    for (const part of rest) {
      const [name = '', value = ''] = part.split('=', 2)
      parameters[name.trim()] = value.trim().replace(/^"|"$/g, '')
    }
    return { type: type.toLowerCase(), parameters, quality: Number(parameters.q ?? 1) }
  })
  return parsed.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality)
}
