/**
 * A selector and a pod template that belong together, as ReplicaSets, Deployments and others have them.
 *
 * Source: kubernetes `pkg/apis/apps/validation/validation.go` (ValidatePodTemplateSpecForReplicaSet).
 */
import type { LabelSelector, PodTemplateSpec } from '#kit/api/objects.ts'
import { isEmptySelector, matchesLabelSelector } from '#kit/api/selectors.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { goValue, invalidValue, notSupported, required } from './field-errors.ts'
import { validatePodSpec } from './pod.ts'

/**
 * A controller must recognise the pods that it makes, else it would make new ones for ever:
 * - `spec.selector` is required, and an empty one is invalid (shown as `goValue` prints it: "empty selector is invalid for
 *   deployment");
 * - the template's labels must match it: `spec.template.metadata.labels`, invalid, showing the labels: "`selector` does not
 *   match template `labels`";
 * - the template's pod spec is valid (at `spec.template.spec`), and its `restartPolicy` is the one allowed
 *   ("Unsupported value").
 *
 * @lab 2.5 Make a selector and its template agree
 */
export function validateSelectorAndTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  restartPolicy: string,
): FieldError[] {
  const errors: FieldError[] = []
  if (!selector) errors.push(required('spec.selector'))
  else if (isEmptySelector(selector)) {
    errors.push(invalidValue('spec.selector', goValue(selector), 'empty selector is invalid for deployment'))
  }
  if (!template?.spec) return [...errors, required('spec.template')]

  const labels = template.metadata?.labels
  if (selector && !isEmptySelector(selector) && !matchesLabelSelector(selector, labels)) {
    const detail = '`selector` does not match template `labels`'
    errors.push(invalidValue('spec.template.metadata.labels', goValue(labels ?? {}), detail))
  }
  errors.push(...validatePodSpec(template.spec, 'spec.template.spec'))
  if (template.spec.restartPolicy && template.spec.restartPolicy !== restartPolicy) {
    const field = 'spec.template.spec.restartPolicy'
    errors.push(notSupported(field, template.spec.restartPolicy, [restartPolicy]))
  }
  return errors
}
