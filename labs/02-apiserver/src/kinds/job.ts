/**
 * Jobs, and CronJobs that make them.
 *
 * Source: kubernetes `pkg/apis/batch/v1/defaults.go`, `pkg/registry/batch/job/strategy.go` (generateSelector),
 * `pkg/apis/batch/validation/validation.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, CronJob, Job, PodTemplateSpec, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, immutable, notNegative, notSupported, required } from '../validation/field-errors.ts'
import { validatePodSpec } from '../validation/pod.ts'
import { metadataWithin, templateWithDefaults } from './pod-defaults.ts'

const MAX_INT32 = 2 ** 31 - 1

export function applyJobDefaults(draft: ApiObject): void {
  const job = draft as Job
  const { spec } = job
  if (!spec) return
  // Without any number: one pod, once. With a parallelism only, the pods decide themselves when the work is done.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.manualSelector ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
  const labels = spec.template?.metadata?.labels
  if (labels && Object.keys(job.metadata?.labels ?? {}).length === 0) {
    job.metadata = { ...job.metadata, labels: { ...labels } }
  }
  if (spec.template) spec.template = templateWithDefaults(spec.template)
}

/** A job's pods are known by its uid: two jobs of one name, one after the other, must not count each other's pods. */
export function prepareJobForCreate(draft: ApiObject): void {
  draft.status = {}
  const { metadata, spec } = draft as Job
  if (!spec?.template || spec.manualSelector) return
  const { name = '', uid = '' } = metadata ?? {}
  const labels = {
    ...spec.template.metadata?.labels,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  }
  // A job that took its labels from the template has these as well.
  if (metadata?.labels && isDeepStrictEqual(metadata.labels, spec.template.metadata?.labels)) {
    draft.metadata = { ...metadata, labels: { ...labels } }
  }
  spec.template.metadata = { ...spec.template.metadata, labels }
  spec.selector = {
    ...spec.selector,
    matchLabels: { ...spec.selector?.matchLabels, 'batch.kubernetes.io/controller-uid': uid },
  }
}

export function validateJob(object: ApiObject): readonly FieldError[] {
  const { spec } = object as Job
  return [
    ...notNegative('spec.parallelism', spec?.parallelism),
    ...notNegative('spec.completions', spec?.completions),
    ...notNegative('spec.activeDeadlineSeconds', spec?.activeDeadlineSeconds),
    ...notNegative('spec.backoffLimit', spec?.backoffLimit),
    ...notNegative('spec.ttlSecondsAfterFinished', spec?.ttlSecondsAfterFinished),
    ...(spec?.selector ? [] : [required('spec.selector')]),
    ...validateTemplate(spec?.template, 'spec.template'),
  ]
}

/** Pods of a job come to an end, so they cannot be restarted for ever. */
function validateTemplate(template: PodTemplateSpec | undefined, path: string): FieldError[] {
  if (!template?.spec) return [required(`${path}.spec`)]
  const { restartPolicy } = template.spec
  const wrongPolicy = restartPolicy !== 'OnFailure' && restartPolicy !== 'Never'
  return [
    ...validatePodSpec(template.spec, `${path}.spec`),
    ...(wrongPolicy
      ? [
          {
            ...notSupported(`${path}.spec.restartPolicy`, restartPolicy, ['OnFailure', 'Never']),
            ...(restartPolicy === 'Always' && {
              reason: 'FieldValueRequired' as const,
              message: 'Required value: valid values: "OnFailure", "Never"',
            }),
          },
        ]
      : []),
  ]
}

export function validateJobUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const { spec } = object as Job
  const before = (old as ApiObject as Job).spec
  const indexed = spec?.completionMode === 'Indexed'
  return [
    ...(indexed ? [] : immutable('spec.completions', spec?.completions, before?.completions)),
    ...immutable('spec.selector', spec?.selector, before?.selector),
    ...(before?.suspend ? [] : immutable('spec.template', spec?.template, before?.template)),
    ...immutable('spec.completionMode', spec?.completionMode, before?.completionMode),
  ]
}

export function applyCronJobDefaults(draft: ApiObject): void {
  const { spec } = draft as CronJob
  if (!spec) return
  spec.concurrencyPolicy ||= 'Allow'
  spec.suspend ??= false
  spec.successfulJobsHistoryLimit ??= 3
  spec.failedJobsHistoryLimit ??= 1
  const { jobTemplate } = spec
  if (!jobTemplate) return
  jobTemplate.metadata = metadataWithin(jobTemplate.metadata)
  const job = jobTemplate.spec
  if (job?.template) job.template = templateWithDefaults(job.template)
}

export function validateCronJob(object: ApiObject): readonly FieldError[] {
  const { spec } = object as CronJob
  const policies = ['Allow', 'Forbid', 'Replace']
  const job = spec?.jobTemplate?.spec
  return [
    ...(spec?.schedule ? [] : [required('spec.schedule')]),
    ...(policies.includes(spec?.concurrencyPolicy ?? '')
      ? []
      : [notSupported('spec.concurrencyPolicy', spec?.concurrencyPolicy, policies)]),
    ...notNegative('spec.startingDeadlineSeconds', spec?.startingDeadlineSeconds),
    ...notNegative('spec.successfulJobsHistoryLimit', spec?.successfulJobsHistoryLimit),
    ...notNegative('spec.failedJobsHistoryLimit', spec?.failedJobsHistoryLimit),
    ...(job?.manualSelector
      ? [forbiddenField('spec.jobTemplate.spec.manualSelector', '`selector` will be auto-generated')]
      : []),
    ...validateTemplate(job?.template, 'spec.jobTemplate.spec.template'),
  ]
}
