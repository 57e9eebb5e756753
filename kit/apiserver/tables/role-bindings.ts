/** Who has which role. Source: kubernetes `pkg/printers/internalversion/printers.go` (printRoleBinding). */
import type { ApiObject } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, nameColumn, type Printer, wideColumn } from './columns.ts'

interface Binding extends ApiObject {
  readonly roleRef?: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[]
}

export const bindingPrinter: Printer<Binding> = {
  columns: [
    nameColumn,
    column('Role', 'The role that is given.'),
    ageColumn,
    wideColumn('Users', 'Users who have it.'),
    wideColumn('Groups', 'Groups that have it.'),
    wideColumn('ServiceAccounts', 'Service accounts that have it.'),
  ],
  cells({ metadata, roleRef, subjects = [] }, nowMs) {
    const named = (kind: string) => subjects.filter((subject) => subject.kind === kind)
    return [
      metadata?.name ?? '',
      `${roleRef?.kind}/${roleRef?.name}`,
      age(metadata?.creationTimestamp, nowMs),
      ...['User', 'Group'].map((kind) =>
        named(kind)
          .map(({ name }) => name)
          .join(', '),
      ),
      named('ServiceAccount')
        .map(({ namespace, name }) => `${namespace}/${name}`)
        .join(', '),
    ]
  },
}
