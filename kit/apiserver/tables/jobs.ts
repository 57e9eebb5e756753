/**
 * Jobs, and what makes them, in one line. Source: kubernetes `pkg/printers/internalversion/printers.go`, `printJob`,
 * `printCronJob`.
 */
import type { CronJob, Job } from '../../api/objects.ts'
import { age, humanDuration } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer, wideColumn } from './columns.ts'
import { selectorText } from './selector-text.ts'
import { templateCells, templateColumns } from './workloads.ts'

export const jobPrinter: Printer<Job> = {
  columns: [
    nameColumn,
    column('Status', 'How far the job is.'),
    column('Completions', 'Pods that succeeded, of those that have to.'),
    column('Duration', 'From its start to its completion, or until now.'),
    ageColumn,
    ...templateColumns,
    wideColumn('Selector', 'The labels of the pods.'),
  ],
  cells: (job, nowMs) => [
    job.metadata?.name ?? '',
    jobStatus(job),
    completions(job),
    jobDuration(job, nowMs),
    age(job.metadata?.creationTimestamp, nowMs),
    ...templateCells(job.spec?.template),
    selectorText(job.spec?.selector),
  ],
}

function jobStatus({ metadata, status }: Job): string {
  const has = (wanted: string) =>
    status?.conditions?.some(({ type, status: is }) => type === wanted && is === 'True') ?? false
  if (has('Complete')) return 'Complete'
  if (has('Failed')) return 'Failed'
  if (metadata?.deletionTimestamp) return 'Terminating'
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running'
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec?.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function jobDuration({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return ''
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs
  return humanDuration(endMs - Date.parse(status.startTime))
}

export const cronJobPrinter: Printer<CronJob> = {
  columns: [
    nameColumn,
    column('Schedule', 'When jobs are made, in the form of cron.'),
    column('Timezone', 'Where that time is told.'),
    column('Suspend', 'Whether no further jobs are made.', 'boolean'),
    column('Active', 'Jobs that run now.', 'integer'),
    column('Last Schedule', 'Time since the last job was made.'),
    ageColumn,
    ...templateColumns,
    wideColumn('Selector', 'The labels of the pods.'),
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.schedule ?? '',
    spec?.timeZone || NONE,
    booleanText(spec?.suspend),
    status?.active?.length ?? 0,
    status?.lastScheduleTime ? age(status.lastScheduleTime, nowMs) : NONE,
    age(metadata?.creationTimestamp, nowMs),
    ...templateCells(spec?.jobTemplate?.spec?.template),
    selectorText(spec?.jobTemplate?.spec?.selector),
  ],
}

function booleanText(value: boolean | undefined): string {
  if (value === undefined) return '<unset>'
  return value ? 'True' : 'False'
}
