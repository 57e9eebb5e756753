/** What extends the server: admission, custom kinds, further servers. Stored only. */
import { resources } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import {
  applyAdmissionPolicyDefaults,
  applyApiServiceDefaults,
  applyCustomResourceDefaults,
  applyMutatingWebhookDefaults,
  applyPolicyBindingDefaults,
  applyValidatingWebhookDefaults,
  prepareCustomResource,
  validateApiService,
  validateCustomResource,
} from '../extensions.ts'
import { plainRow, rowWithStatus } from '../row-parts.ts'

export const apiRegistrationRows: readonly KindRow[] = [
  rowWithStatus(
    resources.apiServices,
    {},
    {
      // Kept by servers of their own upstream, so these two have their group before them.
      storagePrefix: 'apiregistration.k8s.io/apiservices',
      nameFormat: 'path-segment',
      applyDefaults: applyApiServiceDefaults,
      validate: validateApiService,
    },
  ),
]

export const apiExtensionRows: readonly KindRow[] = [
  rowWithStatus(
    resources.customResourceDefinitions,
    {},
    {
      storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
      prepareForCreate: prepareCustomResource,
      applyDefaults: applyCustomResourceDefaults,
      validate: validateCustomResource,
      hasGeneration: true,
    },
  ),
]

export const admissionRows: readonly KindRow[] = [
  plainRow(resources.mutatingWebhookConfigurations, {
    applyDefaults: applyMutatingWebhookDefaults,
    hasGeneration: true,
  }),
  rowWithStatus(
    resources.validatingAdmissionPolicies,
    {},
    {
      applyDefaults: applyAdmissionPolicyDefaults,
      hasGeneration: true,
    },
  ),
  plainRow(resources.validatingAdmissionPolicyBindings, {
    applyDefaults: applyPolicyBindingDefaults,
    hasGeneration: true,
  }),
  plainRow(resources.validatingWebhookConfigurations, {
    applyDefaults: applyValidatingWebhookDefaults,
    hasGeneration: true,
  }),
]
