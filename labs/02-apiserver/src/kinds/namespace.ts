/**
 * Namespaces: the one kind that has finalizers in its spec, and that says in its status that it is on its way out.
 *
 * Source: kubernetes `pkg/registry/core/namespace/strategy.go`, `storage/storage.go`.
 */
import type { ApiObject, Namespace } from '#kit/api/objects.ts'

/** Every namespace carries its name as a label, so that selectors can name it. */
export function applyNamespaceDefaults(draft: ApiObject): void {
  const name = draft.metadata?.name
  if (!name) return
  draft.metadata = { ...draft.metadata, labels: { ...draft.metadata?.labels, 'kubernetes.io/metadata.name': name } }
}

/** "kubernetes" keeps a deleted namespace until the namespace controller has emptied it. */
export function prepareNamespace(draft: ApiObject): void {
  const finalizers = (draft as Namespace).spec?.finalizers ?? []
  draft.spec = { finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] }
  draft.status = { phase: 'Active' }
}

export function namespaceFinalizers(object: ApiObject): readonly string[] {
  return (object as Namespace).spec?.finalizers ?? []
}

export function markNamespaceTerminating(draft: ApiObject): void {
  draft.status = { ...(draft as Namespace).status, phase: 'Terminating' }
}
