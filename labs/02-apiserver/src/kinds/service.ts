/** What is particular about Services. Source: kubernetes `pkg/registry/core/service/strategy.go` (PrepareForUpdate). */
import type { ApiObject, Service } from '#kit/api/objects.ts'

/**
 * Status stays, and what the server has given the Service stays its own: an update that does not mention the cluster IP
 * (as `kubectl replace` of the original manifest) does not take it away, nor the node ports of ports that remain.
 */
export function prepareServiceForUpdate(draft: ApiObject, old: ApiObject): void {
  draft.status = old.status
  const { spec } = draft as Service
  const before = (old as Service).spec
  if (!spec || !before || spec.type === 'ExternalName' || before.type === 'ExternalName') return
  if (!spec.clusterIP && before.clusterIP) {
    spec.clusterIP = before.clusterIP
    spec.clusterIPs ??= before.clusterIPs
  }
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
  if (before.clusterIP && spec.clusterIP !== before.clusterIP && spec.clusterIPs?.[0] === before.clusterIP) {
    spec.clusterIPs = [spec.clusterIP ?? '']
  }
  if (spec.type === 'ClusterIP') return
  for (const port of spec.ports ?? []) {
    port.nodePort ??= before.ports?.find(
      ({ port: number, protocol }) => number === port.port && protocol === port.protocol,
    )?.nodePort
    if (port.nodePort === undefined) delete port.nodePort
  }
}

export function serviceFields(object: ApiObject): Record<string, string> {
  const { spec } = object as Service
  return { 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }
}
