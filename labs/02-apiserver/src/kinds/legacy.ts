/**
 * What the core group keeps for clients of the first years: another way to bind a pod, and how the components are. Neither is
 * stored (legacy-answers.ts answers for them).
 *
 * Source: kubernetes `pkg/registry/core/rest/storage_core.go`.
 */
import type { Resource } from '#kit/api/resources.ts'
import type { KindRow, Verb } from '#kit/contracts/apiserver.ts'

function legacyRow(resource: Pick<Resource, 'kind' | 'plural' | 'namespaced' | 'shortNames'>, verbs: Verb[]): KindRow {
  return {
    resource: { group: '', version: 'v1', singular: resource.kind.toLowerCase(), categories: [], ...resource },
    verbs,
    subresources: [],
    storagePrefix: '',
    virtual: true,
  }
}

export const legacyRows: readonly KindRow[] = [
  legacyRow({ kind: 'Binding', plural: 'bindings', namespaced: true, shortNames: [] }, ['create']),
  legacyRow({ kind: 'ComponentStatus', plural: 'componentstatuses', namespaced: false, shortNames: ['cs'] }, [
    'get',
    'list',
  ]),
]
