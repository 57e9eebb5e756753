/**
 * What operations are called in OpenAPI: `patchCoreV1NamespacedPodStatus`. Clients that are generated name their functions so.
 *
 * Source: kubernetes `pkg/controlplane`, apiserver `pkg/endpoints/installer.go`, `pkg/endpoints/openapi/openapi.go`.
 */
import type { Verb } from '../../contracts/apiserver.ts'

export interface Names {
  readonly group: string
  readonly version: string
  /** "NamespacedPodStatus", "PodForAllNamespaces" */
  readonly noun: string
  /** A way through to something else, whatever the method: exec, proxy. */
  readonly connects?: boolean
}

export const CONNECTING: readonly string[] = ['attach', 'exec', 'portforward', 'proxy']

const words: Readonly<Record<Verb, { readonly function: string; readonly action: string; readonly method: string }>> = {
  create: { function: 'create', action: 'post', method: 'Post' },
  delete: { function: 'delete', action: 'delete', method: 'Delete' },
  deletecollection: { function: 'delete', action: 'deletecollection', method: 'Delete' },
  get: { function: 'read', action: 'get', method: 'Get' },
  list: { function: 'list', action: 'list', method: 'Get' },
  patch: { function: 'patch', action: 'patch', method: 'Patch' },
  update: { function: 'replace', action: 'put', method: 'Put' },
  watch: { function: 'watch', action: 'watch', method: 'Get' },
}

export function operationNames({ group, version, noun, connects }: Names, verb: Verb) {
  const groupWord = group === '' ? 'core' : camelCase(group.replace(/\.k8s\.io$/, ''))
  const place = `${capitalized(groupWord)}${capitalized(version)}`
  const { function: verbWord, action, method } = words[verb]
  const many = verb === 'deletecollection' ? 'Collection' : ''
  return {
    tags: [`${groupWord}_${version}`],
    operationId: connects ? `connect${place}${method}${noun}` : `${verbWord}${place}${many}${noun}`,
    'x-kubernetes-action': connects ? 'connect' : action,
  }
}

/** "rbac.authorization" is "rbacAuthorization". */
function camelCase(dotted: string): string {
  return dotted.replace(/\.(.)/g, (_, letter: string) => letter.toUpperCase())
}

export function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
