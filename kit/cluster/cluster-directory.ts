/**
 * Where a cluster keeps what it must remember: `.cluster/<name>/`, which git ignores.
 *
 *     kubeconfig        for kubectl                    pki/     certificates and keys, mode 0600
 *     cluster.json      addresses and ports            data/    etcd's write-ahead logs, kubelets' volumes
 *     state.json        process ids, while it runs     logs/    one file per component
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ClusterDirectory {
  readonly name: string
  readonly root: string
  readonly kubeconfig: string
  readonly layoutFile: string
  readonly stateFile: string
  readonly pki: string
  readonly data: string
  readonly logs: string
  /** The components' code, bundled for a quick start. */
  readonly programs: string
  logFile(component: string): string
  /** The kubeconfig of one component's identity. */
  kubeconfigOf(component: string): string
}

const VALID_NAME = /^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/

export function clusterDirectory(name: string, base = process.cwd()): ClusterDirectory {
  if (!VALID_NAME.test(name)) {
    throw new Error(
      `"${name}" cannot name a cluster: use 1 to 20 lower-case letters, digits and dashes, such as "demo" or "team-2".`,
    )
  }
  const root = join(base, '.cluster', name)
  const pki = join(root, 'pki')
  return {
    name,
    root,
    kubeconfig: join(root, 'kubeconfig'),
    layoutFile: join(root, 'cluster.json'),
    stateFile: join(root, 'state.json'),
    pki,
    data: join(root, 'data'),
    logs: join(root, 'logs'),
    programs: join(root, 'programs'),
    logFile: (component) => join(root, 'logs', `${component}.log`),
    kubeconfigOf: (component) => join(pki, `${component}.kubeconfig`),
  }
}

export function createDirectories(directory: ClusterDirectory): void {
  for (const path of [directory.root, directory.data, directory.logs]) mkdirSync(path, { recursive: true })
  mkdirSync(directory.pki, { recursive: true, mode: 0o700 })
}

/** Undefined when the file is not there or was cut off by a crash. */
export function readJsonFile<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}

/** Replaces the file in one step, so that a reader never sees half of it. */
export function writeJsonFile(path: string, value: unknown): void {
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, path)
}
