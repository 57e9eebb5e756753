/**
 * Kinds that need no thought to fit on one line.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`.
 */
import type {
  ApiObject,
  ComponentStatus,
  ConfigMap,
  Lease,
  Namespace,
  Secret,
  ServiceAccount,
} from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, nameColumn, type Printer } from './columns.ts'

export const namespacePrinter: Printer<Namespace> = {
  columns: [nameColumn, column('Status', 'Active, or Terminating while it is emptied.'), ageColumn],
  cells: ({ metadata, status }, nowMs) => [
    metadata?.name ?? '',
    status?.phase ?? '',
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const componentStatusPrinter: Printer<ComponentStatus> = {
  columns: [
    nameColumn,
    column('Status', 'Healthy, or not.'),
    column('Message', 'What it said, or why it is not known.'),
    column('Error', 'Why it could not be asked.'),
  ],
  cells({ metadata, conditions = [] }) {
    const health = conditions.find(({ type }) => type === 'Healthy')
    const word = { True: 'Healthy', False: 'Unhealthy' }[health?.status ?? ''] ?? 'Unknown'
    return [metadata?.name ?? '', word, health?.message ?? '', health?.error ?? '']
  },
}

export const configMapPrinter: Printer<ConfigMap> = {
  columns: [nameColumn, column('Data', 'How many entries there are.'), ageColumn],
  cells: ({ metadata, data = {}, binaryData = {} }, nowMs) => [
    metadata?.name ?? '',
    Object.keys(data).length + Object.keys(binaryData).length,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const secretPrinter: Printer<Secret> = {
  columns: [
    nameColumn,
    column('Type', 'What the secret is for.'),
    column('Data', 'How many entries there are.'),
    ageColumn,
  ],
  cells: ({ metadata, type = '', data = {} }, nowMs) => [
    metadata?.name ?? '',
    type,
    Object.keys(data).length,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const serviceAccountPrinter: Printer<ServiceAccount> = {
  columns: [nameColumn, column('Secrets', 'How many secrets pods of this account may use.'), ageColumn],
  cells: ({ metadata, secrets = [] }, nowMs) => [
    metadata?.name ?? '',
    secrets.length,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

export const leasePrinter: Printer<Lease> = {
  columns: [nameColumn, column('Holder', 'Who holds the lease.'), ageColumn],
  cells: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec?.holderIdentity ?? '',
    age(metadata?.creationTimestamp, nowMs),
  ],
}

/** For kinds without columns of their own. */
export const plainPrinter: Printer<ApiObject> = {
  columns: [nameColumn, column('Created At', 'When the object was created.', 'date')],
  cells: ({ metadata }) => [metadata?.name ?? '', metadata?.creationTimestamp ?? null],
}

/** The answer of a `/scale` subresource. */
export const scalePrinter: Printer<Scale> = {
  columns: [
    nameColumn,
    column('Desired', 'Pods there should be.', 'integer'),
    column('Available', 'Pods there are.', 'integer'),
    ageColumn,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    age(metadata?.creationTimestamp, nowMs),
  ],
}

type Scale = ApiObject & {
  readonly spec?: { readonly replicas?: number }
  readonly status?: { readonly replicas?: number }
}
