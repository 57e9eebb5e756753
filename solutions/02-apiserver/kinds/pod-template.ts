/** PodTemplates: a template of a pod, stored for whoever wants to make pods of it. */
import type { ApiObject, PodTemplate } from '#kit/api/objects.ts'
import { templateWithDefaults } from './pod-defaults.ts'

export function applyPodTemplateDefaults(draft: ApiObject): void {
  const podTemplate = draft as PodTemplate
  if (podTemplate.template) podTemplate.template = templateWithDefaults(podTemplate.template)
}
