/**
 * The environment of a container: the cluster's Services, then `envFrom`, then `env`, each overriding what came before,
 * and `$(NAME)` replaced by what is known so far.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (makeEnvironmentVariables), `pkg/kubelet/envvars/envvars.go`,
 * `third_party/forked/golang/expansion/expand.go`.
 */
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '#kit/api/objects.ts'

/** The spec asks for something that is not there (yet): the container waits with `CreateContainerConfigError`. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError'
}

export interface EnvironmentSources {
  /** Undefined when it does not exist. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
  services(): readonly Service[]
  readonly podIp: string
  readonly hostIp: string
  readonly nodeName: string
}

export async function containerEnvironment(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<Record<string, string>> {
  const namespace = pod.metadata?.namespace ?? 'default'
  const environment: Record<string, string> = {}
  if (pod.spec?.enableServiceLinks !== false) Object.assign(environment, serviceLinks(sources.services(), namespace))

  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const values = configMapRef
      ? await configMapData(sources, namespace, configMapRef)
      : secretRef
        ? await secretData(sources, namespace, secretRef)
        : {}
    for (const [key, value] of Object.entries(values)) environment[prefix + key] = value
  }
  for (const variable of container.env ?? []) {
    const value = await variableValue(pod, container, variable, sources, environment)
    if (value !== undefined) environment[variable.name] = value
  }
  return environment
}

/** `$(NAME)` becomes NAME's value; unknown names stay as they are; `$$` is one dollar. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (match, name?: string) => {
    if (name === undefined) return '$'
    return environment[name] ?? match
  })
}

/** `WEB_SERVICE_HOST` and the like, for the Services of the pod's namespace, and for the API server's own. */
function serviceLinks(services: readonly Service[], namespace: string): Record<string, string> {
  const links: Record<string, string> = {}
  for (const { metadata, spec } of services) {
    const isApiServer = metadata?.namespace === 'default' && metadata.name === 'kubernetes'
    if ((metadata?.namespace !== namespace && !isApiServer) || !spec?.clusterIP || spec.clusterIP === 'None') continue
    const name = (metadata?.name ?? '').toUpperCase().replaceAll('-', '_')
    const ports = spec.ports ?? []
    links[`${name}_SERVICE_HOST`] = spec.clusterIP
    links[`${name}_SERVICE_PORT`] = String(ports[0]?.port ?? '')
    for (const [position, { name: portName, port, protocol = 'TCP' }] of ports.entries()) {
      if (portName) links[`${name}_SERVICE_PORT_${portName.toUpperCase().replaceAll('-', '_')}`] = String(port)
      const url = `${protocol.toLowerCase()}://${spec.clusterIP}:${port}`
      const link = `${name}_PORT_${port}_${protocol}`
      if (position === 0) links[`${name}_PORT`] = url
      links[link] = url
      links[`${link}_PROTO`] = protocol.toLowerCase()
      links[`${link}_PORT`] = String(port)
      links[`${link}_ADDR`] = spec.clusterIP
    }
  }
  return links
}

async function variableValue(
  pod: Pod,
  container: Container,
  { value, valueFrom }: EnvVar,
  sources: EnvironmentSources,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const namespace = pod.metadata?.namespace ?? 'default'
  if (valueFrom?.fieldRef) return podField(pod, valueFrom.fieldRef.fieldPath, sources)
  if (valueFrom?.resourceFieldRef) return resourceField(container, valueFrom.resourceFieldRef.resource)
  if (valueFrom?.configMapKeyRef) {
    const reference = valueFrom.configMapKeyRef
    return pick(
      await configMapData(sources, namespace, reference),
      reference,
      `ConfigMap ${namespace}/${reference.name}`,
    )
  }
  if (valueFrom?.secretKeyRef) {
    const reference = valueFrom.secretKeyRef
    return pick(await secretData(sources, namespace, reference), reference, `Secret ${namespace}/${reference.name}`)
  }
  return expand(value ?? '', environment)
}

function pick(
  values: Readonly<Record<string, string>>,
  { key, optional }: { key: string; optional?: boolean },
  owner: string,
): string | undefined {
  const value = values[key]
  if (value === undefined && !optional) throw new ContainerConfigError(`couldn't find key ${key} in ${owner}`)
  return value
}

interface Reference {
  readonly name?: string
  readonly optional?: boolean
}

export async function configMapData(
  sources: EnvironmentSources,
  namespace: string,
  { name = '', optional }: Reference,
): Promise<Record<string, string>> {
  const found = await sources.configMap(namespace, name)
  if (!found && !optional) throw new ContainerConfigError(`configmap "${name}" not found`)
  return found?.data ?? {}
}

export async function secretData(
  sources: EnvironmentSources,
  namespace: string,
  { name = '', optional }: Reference,
): Promise<Record<string, string>> {
  const found = await sources.secret(namespace, name)
  if (!found && !optional) throw new ContainerConfigError(`secret "${name}" not found`)
  const decode = (base64: string) => Buffer.from(base64, 'base64').toString('utf8')
  return Object.fromEntries(Object.entries(found?.data ?? {}).map(([key, value]) => [key, decode(value)]))
}

/** The downward API: "metadata.name", "metadata.labels['app']", "status.podIP", … */
export function podField(
  pod: Pod,
  path: string,
  sources: Pick<EnvironmentSources, 'podIp' | 'hostIp' | 'nodeName'>,
): string {
  const { metadata, spec } = pod
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (keyed) return metadata?.[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? ''
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata?.name,
    'metadata.namespace': metadata?.namespace,
    'metadata.uid': metadata?.uid,
    'metadata.labels': keyValueLines(metadata?.labels),
    'metadata.annotations': keyValueLines(metadata?.annotations),
    'spec.nodeName': spec?.nodeName ?? sources.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName ?? 'default',
    'status.podIP': sources.podIp,
    'status.podIPs': sources.podIp,
    'status.hostIP': sources.hostIp,
    'status.hostIPs': sources.hostIp,
  }
  if (!(path in fields)) throw new ContainerConfigError(`unsupported fieldPath: ${path}`)
  return fields[path] ?? ''
}

/** "limits.cpu" of a container. */
export function resourceField(container: Container | undefined, path: string): string {
  const [kind = '', resource = ''] = path.split('.')
  return container?.resources?.[kind as 'limits' | 'requests']?.[resource] ?? '0'
}

function keyValueLines(values: Readonly<Record<string, string>> = {}): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
    .join('\n')
}
