/** Questions that are asked by creating an object. The answer is its status; it is stored nowhere. */
import type { KindRow } from '#kit/contracts/apiserver.ts'

function reviewRow(group: string, kind: string, scope: 'namespaced' | 'cluster' = 'cluster'): KindRow {
  const singular = kind.toLowerCase()
  return {
    resource: {
      group,
      version: 'v1',
      kind,
      plural: `${singular}s`,
      singular,
      namespaced: scope === 'namespaced',
      shortNames: [],
      categories: [],
    },
    verbs: ['create'],
    subresources: [],
    storagePrefix: '',
    virtual: true,
  }
}

export const authenticationRows: readonly KindRow[] = [
  reviewRow('authentication.k8s.io', 'SelfSubjectReview'),
  reviewRow('authentication.k8s.io', 'TokenReview'),
]

export const authorizationRows: readonly KindRow[] = [
  reviewRow('authorization.k8s.io', 'LocalSubjectAccessReview', 'namespaced'),
  reviewRow('authorization.k8s.io', 'SelfSubjectAccessReview'),
  reviewRow('authorization.k8s.io', 'SelfSubjectRulesReview'),
  reviewRow('authorization.k8s.io', 'SubjectAccessReview'),
]
