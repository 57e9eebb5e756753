/**
 * What an administrator sets up, in one line: quotas, priorities, runtimes, admission, further servers, flow control.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`; kube-aggregator `pkg/registry/apiservice/etcd` (columns of
 * APIServices).
 */
import type {
  ApiObject,
  FlowSchema,
  MutatingWebhookConfiguration,
  PriorityClass,
  PriorityLevelConfiguration,
  ResourceQuota,
  RuntimeClass,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer } from './columns.ts'

const UNSET = '<unset>'

export const resourceQuotaPrinter: Printer<ResourceQuota> = {
  columns: [
    nameColumn,
    ageColumn,
    column('Request', 'Used, and to be had, of what is requested.'),
    column('Limit', 'Used, and to be had, of what is limited.'),
  ],
  cells: ({ metadata, status }, nowMs) => {
    const text = (isLimit: boolean) =>
      Object.keys(status?.hard ?? {})
        .filter((name) => name.startsWith('limits.') === isLimit)
        .sort()
        .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name]}`)
        .join(', ')
    return [metadata?.name ?? '', age(metadata?.creationTimestamp, nowMs), text(false), text(true)]
  },
}

export const priorityClassPrinter: Printer<PriorityClass> = {
  columns: [
    nameColumn,
    column('Value', 'The priority.', 'integer'),
    column('Global-Default', 'Whether pods without a class are of this one.', 'boolean'),
    ageColumn,
    column('PreemptionPolicy', 'Whether its pods may take the place of others.'),
  ],
  cells: ({ metadata, value, globalDefault = false, preemptionPolicy }, nowMs) => [
    metadata?.name ?? '',
    value ?? 0,
    globalDefault,
    age(metadata?.creationTimestamp, nowMs),
    preemptionPolicy ?? '',
  ],
}

export const runtimeClassPrinter: Printer<RuntimeClass> = {
  columns: [nameColumn, column('Handler', 'What the container runtime calls it.'), ageColumn],
  cells: ({ metadata, handler }, nowMs) => [
    metadata?.name ?? '',
    handler ?? '',
    age(metadata?.creationTimestamp, nowMs),
  ],
}

/** Of ValidatingWebhookConfigurations, too. */
export const webhookPrinter: Printer<MutatingWebhookConfiguration> = {
  columns: [nameColumn, column('Webhooks', 'How many webhooks there are.', 'integer'), ageColumn],
  cells: ({ metadata, webhooks = [] }, nowMs) => [
    metadata?.name ?? '',
    webhooks.length,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const admissionPolicyPrinter: Printer<ValidatingAdmissionPolicy> = {
  columns: [
    nameColumn,
    column('Validations', 'How many rules there are.', 'integer'),
    column('ParamKind', 'The kind of its parameters.'),
    ageColumn,
  ],
  cells: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec?.validations?.length ?? 0,
    spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : UNSET,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const policyBindingPrinter: Printer<ValidatingAdmissionPolicyBinding> = {
  columns: [
    nameColumn,
    column('PolicyName', 'The policy that is put into force.'),
    column('ParamRef', 'Its parameters.'),
    ageColumn,
  ],
  cells: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec?.policyName ?? '',
    [spec?.paramRef?.namespace, spec?.paramRef?.name].filter(Boolean).join('/') || UNSET,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

interface ApiService extends ApiObject {
  spec?: { service?: { namespace?: string; name?: string } }
  status?: { conditions?: { type: string; status: string; reason?: string }[] }
}

export const apiServicePrinter: Printer<ApiService> = {
  columns: [
    nameColumn,
    column('Service', 'Where the server is, or Local for this one.'),
    column('Available', 'Whether it serves.'),
    ageColumn,
  ],
  cells: ({ metadata, spec, status }, nowMs) => {
    const available = status?.conditions?.find(({ type }) => type === 'Available')
    const { namespace, name } = spec?.service ?? {}
    const isTrue = available?.status === 'True'
    return [
      metadata?.name ?? '',
      spec?.service ? `${namespace}/${name}` : 'Local',
      available && !isTrue ? `${available.status} (${available.reason ?? ''})` : (available?.status ?? 'Unknown'),
      age(metadata?.creationTimestamp, nowMs),
    ]
  },
}

export const flowSchemaPrinter: Printer<FlowSchema> = {
  columns: [
    nameColumn,
    column('PriorityLevel', 'The level that its requests get.'),
    column('MatchingPrecedence', 'Of several that match, the lowest counts.'),
    column('DistinguisherMethod', 'How requests are told apart.'),
    ageColumn,
    column('MissingPL', 'Whether its level is missing.'),
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.priorityLevelConfiguration?.name ?? '',
    spec?.matchingPrecedence ?? 0,
    spec?.distinguisherMethod?.type ?? NONE,
    age(metadata?.creationTimestamp, nowMs),
    status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
  ],
}

export const priorityLevelPrinter: Printer<PriorityLevelConfiguration> = {
  columns: [
    nameColumn,
    column('Type', 'Exempt or Limited.'),
    column('NominalConcurrencyShares', 'Its share of the requests at a time.'),
    column('Queues', 'How many queues there are.'),
    column('HandSize', 'How many queues a flow may use.'),
    column('QueueLengthLimit', 'How many requests may wait in a queue.'),
    ageColumn,
  ],
  cells: ({ metadata, spec }, nowMs) => {
    const { queuing } = spec?.limited?.limitResponse ?? {}
    return [
      metadata?.name ?? '',
      spec?.type ?? '',
      (spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? NONE,
      queuing?.queues ?? NONE,
      queuing?.handSize ?? NONE,
      queuing?.queueLengthLimit ?? NONE,
      age(metadata?.creationTimestamp, nowMs),
    ]
  },
}
