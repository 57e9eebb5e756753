/**
 * Kinds by which others extend the server: webhooks, policies, custom kinds, further servers. They are stored, and
 * that is all: nothing here acts on them yet.
 *
 * Source: kubernetes `pkg/apis/admissionregistration/v1/defaults.go`; apiextensions-apiserver
 * `pkg/apis/apiextensions/v1/defaults.go`, `pkg/registry/customresourcedefinition/strategy.go`; kube-aggregator
 * `pkg/apis/apiregistration/v1/defaults.go`.
 */
import type {
  ApiObject,
  CustomResourceDefinition,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { invalidValue, required } from '../validation/field-errors.ts'

type MatchResources = NonNullable<NonNullable<ValidatingAdmissionPolicy['spec']>['matchConstraints']>
interface ScopedRule {
  scope?: string
}

export function applyValidatingWebhookDefaults(draft: ApiObject): void {
  for (const webhook of (draft as ValidatingWebhookConfiguration).webhooks ?? []) applyWebhookDefaults(webhook)
}

export function applyMutatingWebhookDefaults(draft: ApiObject): void {
  for (const webhook of (draft as MutatingWebhookConfiguration).webhooks ?? []) {
    applyWebhookDefaults(webhook)
    webhook.reinvocationPolicy ??= 'Never'
  }
}

function applyWebhookDefaults(webhook: MutatingWebhook | ValidatingWebhook): void {
  webhook.failurePolicy ??= 'Fail'
  webhook.matchPolicy ??= 'Equivalent'
  webhook.namespaceSelector ??= {}
  webhook.objectSelector ??= {}
  webhook.timeoutSeconds ??= 10
  applyScopes(webhook.rules)
  const { service } = webhook.clientConfig ?? {}
  if (service) service.port ??= 443
}

export function applyAdmissionPolicyDefaults(draft: ApiObject): void {
  const { spec } = draft as ValidatingAdmissionPolicy
  if (!spec) return
  spec.failurePolicy ??= 'Fail'
  applyMatchDefaults(spec.matchConstraints)
}

export function applyPolicyBindingDefaults(draft: ApiObject): void {
  applyMatchDefaults((draft as ValidatingAdmissionPolicyBinding).spec?.matchResources)
}

function applyMatchDefaults(match: MatchResources | undefined): void {
  if (!match) return
  match.matchPolicy ??= 'Equivalent'
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  applyScopes(match.resourceRules)
  applyScopes(match.excludeResourceRules)
}

function applyScopes(rules: readonly object[] | undefined): void {
  for (const rule of (rules ?? []) as readonly ScopedRule[]) rule.scope ??= '*'
}

export function applyCustomResourceDefaults(draft: ApiObject): void {
  const { spec } = draft as Partial<CustomResourceDefinition>
  if (!spec) return
  spec.conversion ??= { strategy: 'None' }
  if (!spec.names?.kind) return
  spec.names.singular ||= spec.names.kind.toLowerCase()
  spec.names.listKind ||= `${spec.names.kind}List`
}

/** Which versions there may be objects of: from the first day, the one that is stored. */
export function prepareCustomResource(draft: ApiObject): void {
  const { spec } = draft as Partial<CustomResourceDefinition>
  const storedVersions = (spec?.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name)
  draft.status = { conditions: [], acceptedNames: { plural: '', kind: '' }, storedVersions }
}

export function validateCustomResource(object: ApiObject): readonly FieldError[] {
  const { metadata, spec } = object as Partial<CustomResourceDefinition>
  const expected = `${spec?.names?.plural}.${spec?.group}`
  const stored = (spec?.versions ?? []).filter(({ storage }) => storage)
  return [
    ...(metadata?.name === expected
      ? []
      : [invalidValue('metadata.name', JSON.stringify(metadata?.name), `must be spec.names.plural+"."+spec.group`)]),
    ...(spec?.scope ? [] : [required('spec.scope')]),
    ...(stored.length === 1
      ? []
      : [
          invalidValue(
            'spec.versions',
            JSON.stringify(spec?.versions ?? []),
            'must have exactly one version marked as storage version',
          ),
        ]),
  ]
}

interface ApiService extends ApiObject {
  spec?: { group?: string; version?: string; service?: { port?: number } }
}

export function applyApiServiceDefaults(draft: ApiObject): void {
  const { service } = (draft as ApiService).spec ?? {}
  if (service) service.port ??= 443
}

export function validateApiService(object: ApiObject): readonly FieldError[] {
  const { metadata, spec } = object as ApiService
  const expected = `${spec?.version ?? ''}.${spec?.group ?? ''}`
  return metadata?.name === expected
    ? []
    : [
        invalidValue(
          'metadata.name',
          JSON.stringify(metadata?.name),
          `must be \`spec.version+"."+spec.group\`: "${expected}"`,
        ),
      ]
}
