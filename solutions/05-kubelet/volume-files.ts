/**
 * The files that a volume is made of: from ConfigMaps, Secrets, what is known of the pod, and its token.
 *
 * Source: kubernetes `pkg/volume/{configmap,secret,downwardapi,projected}`.
 */
import type { Pod, Stored, Volume } from '#kit/api/objects.ts'
import type { VolumeFile, VolumeFiles } from './atomic-files.ts'
import { ContainerConfigError, type EnvironmentSources, podField, resourceField } from './environment.ts'
import type { TokenProjection } from './pod-tokens.ts'

/** What a volume may ask of the API server besides ConfigMaps and Secrets. */
export interface VolumeSources extends EnvironmentSources {
  serviceAccountToken(pod: Stored<Pod>, projection: TokenProjection): Promise<string>
}

const DEFAULT_MODE = 0o644

type Projected = NonNullable<Volume['projected']>
type Source = NonNullable<Projected['sources']>[number]
type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>

/** Whether the volume is made of files that the kubelet writes, and which may change while the pod runs. */
export function isMadeOfFiles({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return Boolean(configMap || secret || downwardAPI || projected)
}

export async function volumeFiles(pod: Stored<Pod>, volume: Volume, sources: VolumeSources): Promise<VolumeFiles> {
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap) return filesOf(pod, { configMap }, modeOf(configMap), sources)
  if (downwardAPI) return filesOf(pod, { downwardAPI }, modeOf(downwardAPI), sources)
  if (secret) {
    const { secretName = '', ...reference } = secret
    return filesOf(pod, { secret: { ...reference, name: secretName } }, modeOf(secret), sources)
  }
  // All at once: a pod must not wait for its token, and then for its certificate.
  const parts = (projected?.sources ?? []).map((source) => filesOf(pod, source, modeOf(projected), sources))
  return Object.assign({}, ...(await Promise.all(parts)))
}

function modeOf({ defaultMode = DEFAULT_MODE }: { readonly defaultMode?: number } = {}): number {
  return defaultMode
}

async function filesOf(pod: Stored<Pod>, source: Source, mode: number, sources: VolumeSources): Promise<VolumeFiles> {
  const { namespace = 'default' } = pod.metadata
  const { configMap, secret, downwardAPI, serviceAccountToken } = source
  if (configMap) {
    const found = await sources.configMap(namespace, configMap.name ?? '')
    if (!found && !configMap.optional) throw new ContainerConfigError(`configmap "${configMap.name}" not found`)
    const values = { ...buffers(found?.data, 'utf8'), ...buffers(found?.binaryData, 'base64') }
    return select('configmap', values, configMap, mode)
  }
  if (secret) {
    const found = await sources.secret(namespace, secret.name ?? '')
    if (!found && !secret.optional) throw new ContainerConfigError(`secret "${secret.name}" not found`)
    return select('secret', buffers(found?.data, 'base64'), secret, mode)
  }
  if (downwardAPI) return downwardFiles(pod, downwardAPI.items ?? [], mode, sources)
  if (!serviceAccountToken) return {}
  const token = await sources.serviceAccountToken(pod, serviceAccountToken)
  return { [serviceAccountToken.path]: { content: Buffer.from(token), mode } }
}

function downwardFiles(pod: Pod, items: DownwardItems, mode: number, sources: VolumeSources): VolumeFiles {
  const files = items.map(({ path, fieldRef, resourceFieldRef, mode: ownMode }): [string, VolumeFile] => {
    const container = pod.spec?.containers.find(({ name }) => name === resourceFieldRef?.containerName)
    const text = fieldRef
      ? podField(pod, fieldRef.fieldPath, sources)
      : resourceField(container, resourceFieldRef?.resource ?? '')
    return [path, { content: Buffer.from(text), mode: ownMode ?? mode }]
  })
  return Object.fromEntries(files)
}

function buffers(values: Readonly<Record<string, string>> = {}, encoding: 'utf8' | 'base64'): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value, encoding)]))
}

/** All keys as files of that name, or only the listed ones, under the paths that they are given. */
function select(
  kind: 'configmap' | 'secret',
  values: Readonly<Record<string, Buffer>>,
  { items, optional }: { readonly items?: readonly Item[]; readonly optional?: boolean },
  mode: number,
): VolumeFiles {
  const all = items ?? Object.keys(values).map((key): Item => ({ key, path: key }))
  const files = all.flatMap(({ key, path, mode: ownMode }): [string, VolumeFile][] => {
    const content = values[key]
    if (content) return [[path, { content, mode: ownMode ?? mode }]]
    if (optional) return []
    const what = kind === 'configmap' ? 'config' : 'secret'
    throw new ContainerConfigError(`${kind} references non-existent ${what} key: ${key}`)
  })
  return Object.fromEntries(files)
}

interface Item {
  readonly key: string
  readonly path: string
  readonly mode?: number
}
