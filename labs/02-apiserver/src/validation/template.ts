/**
 * A selector and a pod template that belong together, as ReplicaSets, Deployments and others have them.
 *
 * Source: kubernetes `pkg/apis/apps/validation/validation.go` (ValidatePodTemplateSpecForReplicaSet).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { LabelSelector, PodTemplateSpec } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'

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
  throw new NotImplemented(
    '2.5',
    'validateSelectorAndTemplate',
    'Make a selector and its template agree',
    'labs/02-apiserver/src/validation/template.ts',
  )
}
