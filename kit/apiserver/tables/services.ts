/**
 * Services and their endpoints in one line.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printService`, `printEndpoints`, `printEndpointSlice`.
 */
import type { EndpointSlice, Endpoints, Service } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, firstThree, NONE, nameColumn, type Printer, wideColumn } from './columns.ts'
import { labelsText } from './selector-text.ts'

export const servicePrinter: Printer<Service> = {
  columns: [
    nameColumn,
    column('Type', 'How the service is exposed.'),
    column('Cluster-IP', 'The virtual address within the cluster.'),
    column('External-IP', 'Addresses for the world outside.'),
    column('Port(s)', 'Ports, with the node port where there is one.'),
    ageColumn,
    wideColumn('Selector', 'The labels of the pods behind the service.'),
  ],
  cells(service, nowMs) {
    return [
      service.metadata?.name ?? '',
      service.spec?.type ?? '',
      service.spec?.clusterIPs?.[0] ?? service.spec?.clusterIP ?? NONE,
      externalIp(service),
      portsText(service),
      age(service.metadata?.creationTimestamp, nowMs),
      labelsText(service.spec?.selector),
    ]
  },
}

function externalIp(service: Service): string {
  const external = service.spec?.externalIPs ?? []
  switch (service.spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || NONE
    case 'LoadBalancer': {
      const ingress = service.status?.loadBalancer?.ingress ?? []
      const balancers = [...new Set(ingress.map(({ ip, hostname }) => ip || hostname || ''))].filter(Boolean).sort()
      return [...balancers, ...external].join(',') || '<pending>'
    }
    case 'ExternalName':
      return service.spec.externalName ?? ''
    default:
      return '<unknown>'
  }
}

function portsText(service: Service): string {
  const ports = (service.spec?.ports ?? []).map(({ port, nodePort, protocol = 'TCP' }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  )
  return ports.join(',') || NONE
}

export const endpointsPrinter: Printer<Endpoints> = {
  columns: [nameColumn, column('Endpoints', 'Addresses that are ready, with their ports.'), ageColumn],
  cells(endpoints, nowMs) {
    return [
      endpoints.metadata?.name ?? '',
      readyAddresses(endpoints),
      age(endpoints.metadata?.creationTimestamp, nowMs),
    ]
  },
}

function readyAddresses({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return NONE
  const addresses = subsets.flatMap((subset) => {
    const ips = (subset.addresses ?? []).map(({ ip }) => ip ?? '')
    return subset.ports?.length ? subset.ports.flatMap(({ port }) => ips.map((ip) => hostPort(ip, port))) : ips
  })
  return firstThree(addresses)
}

function hostPort(host = '', port = 0): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export const endpointSlicePrinter: Printer<EndpointSlice> = {
  columns: [
    nameColumn,
    column('AddressType', 'The family of the addresses.'),
    column('Ports', 'The ports of every endpoint.'),
    column('Endpoints', 'Addresses, ready or not.'),
    ageColumn,
  ],
  cells(slice, nowMs) {
    const ports = (slice.ports ?? []).map(({ port, name }) => `${port ?? name ?? '*'}`)
    return [
      slice.metadata?.name ?? '',
      slice.addressType ?? '',
      firstThree(ports) || '<unset>',
      firstThree((slice.endpoints ?? []).flatMap(({ addresses }) => addresses ?? [])) || '<unset>',
      age(slice.metadata?.creationTimestamp, nowMs),
    ]
  },
}
