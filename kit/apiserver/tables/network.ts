/**
 * Ingresses, their classes, and network policies, in one line.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printIngress`, `printIngressClass`, `printNetworkPolicy`.
 */
import type { Ingress, IngressClass, NetworkPolicy } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, firstThree, NONE, nameColumn, type Printer } from './columns.ts'
import { selectorText } from './selector-text.ts'

export const ingressPrinter: Printer<Ingress> = {
  columns: [
    nameColumn,
    column('Class', 'Who looks after it.'),
    column('Hosts', 'The names that it answers to.'),
    column('Address', 'Where it is reached.'),
    column('Ports', 'Its ports: 443 only with certificates.'),
    ageColumn,
  ],
  cells: ({ metadata, spec, status }, nowMs) => {
    const hosts = (spec?.rules ?? []).flatMap(({ host }) => (host ? [host] : []))
    const addresses = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip || hostname || [])
    return [
      metadata?.name ?? '',
      spec?.ingressClassName ?? metadata?.annotations?.['kubernetes.io/ingress.class'] ?? NONE,
      firstThree(hosts) || '*',
      [...new Set(addresses)].sort().join(','),
      spec?.tls?.length ? '80, 443' : '80',
      age(metadata?.creationTimestamp, nowMs),
    ]
  },
}

export const ingressClassPrinter: Printer<IngressClass> = {
  columns: [
    nameColumn,
    column('Controller', 'Who looks after ingresses of this class.'),
    column('Parameters', 'An object with more about the class.'),
    ageColumn,
  ],
  cells: ({ metadata, spec }, nowMs) => {
    const { kind, apiGroup, name } = spec?.parameters ?? {}
    return [
      metadata?.name ?? '',
      spec?.controller ?? '',
      kind ? `${[kind, apiGroup].filter(Boolean).join('.')}/${name}` : NONE,
      age(metadata?.creationTimestamp, nowMs),
    ]
  },
}

export const networkPolicyPrinter: Printer<NetworkPolicy> = {
  columns: [nameColumn, column('Pod-Selector', 'The labels of the pods that it is about.'), ageColumn],
  cells: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    selectorText(spec?.podSelector),
    age(metadata?.creationTimestamp, nowMs),
  ],
}
