/**
 * The pod's volumes, as directories on this machine that its containers mount: emptyDir, hostPath, and those made of files
 * (volume-files.ts). They live under `<root>/pods/<uid>/volumes/<name>` and go with the pod.
 *
 * Source: kubernetes `pkg/volume`, `pkg/kubelet/kubelet_getters.go` (getPodVolumeDir).
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join, normalize, resolve } from 'node:path'
import type { Container, Pod, Stored, Volume } from '#kit/api/objects.ts'
import type { Mount } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { type FileOwner, type VolumeFiles, writeAtomically } from './atomic-files.ts'
import { ContainerConfigError } from './environment.ts'
import { isMadeOfFiles, type VolumeSources, volumeFiles } from './volume-files.ts'

/** Makes the pod's volumes; where each lies on this machine, by name. May be called again: what has changed is renewed. */
export async function prepareVolumes(
  pod: Stored<Pod>,
  rootDir: string,
  sources: VolumeSources,
): Promise<Record<string, string>> {
  const paths = (pod.spec?.volumes ?? []).map(async (volume) => {
    try {
      return [volume.name, await prepareVolume(pod, volume, rootDir, sources)]
    } catch (error) {
      throw new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${describeError(error)}`, {
        cause: error,
      })
    }
  })
  return Object.fromEntries(await Promise.all(paths))
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
      hostPath: subPath ? join(volume, insidePath(subPath)) : volume,
      containerPath: mountPath,
      readonly: readOnly ?? false,
    }
  })
}

async function prepareVolume(
  pod: Stored<Pod>,
  volume: Volume,
  rootDir: string,
  sources: VolumeSources,
): Promise<string> {
  if (volume.hostPath) return volume.hostPath.path
  if (!volume.emptyDir && !isMadeOfFiles(volume)) {
    throw new ContainerConfigError(`volume "${volume.name}" is of a type that this kubelet does not know`)
  }
  const directory = join(podDir(rootDir, pod.metadata.uid), 'volumes', volume.name)
  if (await mkdir(directory, { recursive: true })) await chmod(directory, 0o777)
  if (volume.emptyDir) return directory
  const owner = ownerOf(pod)
  await writeAtomically(directory, forGroup(await volumeFiles(pod, volume, sources), owner), owner)
  return directory
}

/** With an `fsGroup` the files are the group's, too; with one user for the whole pod they are that user's. */
function ownerOf({ spec }: Pod): FileOwner {
  const users = (spec?.containers ?? []).map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser,
  )
  const isOneUser = users.every((user) => user === users[0])
  return { uid: isOneUser ? users[0] : undefined, gid: spec?.securityContext?.fsGroup }
}

function forGroup(files: VolumeFiles, { gid }: FileOwner): VolumeFiles {
  const entries = Object.entries(files).map(([path, { content, mode }]) => {
    return [insidePath(path), { content, mode: gid === undefined ? mode : mode | 0o440 }]
  })
  return Object.fromEntries(entries)
}

function podDir(rootDir: string, podUid: string): string {
  return join(resolve(rootDir), 'pods', podUid)
}

/** A path from a manifest must not lead out of its volume. */
function insidePath(path: string): string {
  const normal = normalize(path)
  if (normal.startsWith('..') || normal.startsWith('/')) {
    throw new ContainerConfigError(`path "${path}" must stay inside its volume`)
  }
  return normal
}
