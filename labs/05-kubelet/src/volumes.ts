/**
 * The pod's volumes, as directories on this machine that its containers mount: emptyDir, hostPath, configMap, secret,
 * downwardAPI, and projected ones made of these. They live under `<root>/pods/<uid>/volumes/<name>` and go with the pod.
 *
 * Source: kubernetes `pkg/volume`, `pkg/kubelet/kubelet_getters.go` (getPodVolumeDir).
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, normalize, resolve } from 'node:path'
import type { Container, Pod } from '#kit/api/objects.ts'
import type { Mount } from '#kit/contracts/cri.ts'
import { ContainerConfigError, configMapData, type EnvironmentSources, podField, secretData } from './environment.ts'

type Volume = NonNullable<NonNullable<Pod['spec']>['volumes']>[number]

/** What a volume source may ask of the API server besides ConfigMaps and Secrets. */
export interface VolumeSources extends EnvironmentSources {
  serviceAccountToken(namespace: string, serviceAccount: string): Promise<string>
}

/** Files by path inside the volume. */
type Files = Record<string, string>

/** Makes the pod's volumes; where each lies on this machine, by name. May be called again: what is there is renewed. */
export async function prepareVolumes(
  pod: Pod,
  rootDir: string,
  sources: VolumeSources,
): Promise<Record<string, string>> {
  const paths: Record<string, string> = {}
  for (const volume of pod.spec?.volumes ?? []) paths[volume.name] = await prepareVolume(pod, volume, rootDir, sources)
  return paths
}

export async function removeVolumes(podUid: string, rootDir: string): Promise<void> {
  await rm(podDir(rootDir, podUid), { recursive: true, force: true })
}

/** What to mount into this container. */
export function containerMounts(container: Container, volumes: Readonly<Record<string, string>>): Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly }) => {
    const volume = volumes[name]
    if (volume === undefined) throw new ContainerConfigError(`volume "${name}" is not among the pod's volumes`)
    return {
      hostPath: subPath ? inside(volume, subPath) : volume,
      containerPath: mountPath,
      readonly: readOnly ?? false,
    }
  })
}

async function prepareVolume(pod: Pod, volume: Volume, rootDir: string, sources: VolumeSources): Promise<string> {
  if (volume.hostPath) return volume.hostPath.path
  const directory = join(podDir(rootDir, pod.metadata?.uid ?? ''), 'volumes', volume.name)
  await mkdir(directory, { recursive: true, mode: 0o777 })
  if (volume.emptyDir) return directory
  const files = await filesOf(pod, volume, sources)
  for (const [path, text] of Object.entries(files)) {
    const file = inside(directory, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return directory
}

async function filesOf(pod: Pod, volume: Volume, sources: VolumeSources): Promise<Files> {
  const namespace = pod.metadata?.namespace ?? 'default'
  if (volume.configMap) return select(await configMapData(sources, namespace, volume.configMap), volume.configMap.items)
  if (volume.secret) {
    const { secretName, optional, items } = volume.secret
    const reference = { ...(secretName && { name: secretName }), ...(optional && { optional }) }
    return select(await secretData(sources, namespace, reference), items)
  }
  if (volume.downwardAPI) return downwardFiles(pod, volume.downwardAPI.items, sources)
  if (volume.projected) {
    const parts = await Promise.all(
      (volume.projected.sources ?? []).map((source) => projectedFiles(pod, source, sources)),
    )
    return Object.assign({}, ...parts)
  }
  throw new ContainerConfigError(`volume "${volume.name}" is of a type that this kubelet does not know`)
}

type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number]

async function projectedFiles(pod: Pod, source: ProjectedSource, sources: VolumeSources): Promise<Files> {
  const namespace = pod.metadata?.namespace ?? 'default'
  if (source.configMap) return select(await configMapData(sources, namespace, source.configMap), source.configMap.items)
  if (source.secret) return select(await secretData(sources, namespace, source.secret), source.secret.items)
  if (source.downwardAPI) return downwardFiles(pod, source.downwardAPI.items, sources)
  if (source.serviceAccountToken) {
    const token = await sources.serviceAccountToken(namespace, pod.spec?.serviceAccountName ?? 'default')
    return { [source.serviceAccountToken.path]: token }
  }
  return {}
}

function downwardFiles(
  pod: Pod,
  items: readonly { path: string; fieldRef?: { fieldPath: string } }[] | undefined,
  sources: VolumeSources,
): Files {
  return Object.fromEntries(
    (items ?? []).map(({ path, fieldRef }) => [path, fieldRef ? podField(pod, fieldRef.fieldPath, sources) : '']),
  )
}

/** All keys as files of that name, or only the listed ones, under the paths that they are given. */
function select(values: Files, items: readonly { key: string; path: string }[] | undefined): Files {
  if (!items) return values
  return Object.fromEntries(
    items.map(({ key, path }) => {
      const value = values[key]
      if (value === undefined) throw new ContainerConfigError(`references non-existent config key: ${key}`)
      return [path, value]
    }),
  )
}

function podDir(rootDir: string, podUid: string): string {
  return join(resolve(rootDir), 'pods', podUid)
}

/** A path from a manifest must not lead out of its volume. */
function inside(directory: string, path: string): string {
  const normal = normalize(path)
  if (normal.startsWith('..') || normal.startsWith('/')) {
    throw new ContainerConfigError(`path "${path}" must stay inside its volume`)
  }
  return join(directory, normal)
}
