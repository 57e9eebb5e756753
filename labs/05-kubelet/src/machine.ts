/** Facts about the machine that this process runs on. The nodes of a cluster share it, and each reports all of it. */
import { readFileSync, statfsSync } from 'node:fs'
import { arch, cpus, hostname, release, totalmem } from 'node:os'
import type { Machine } from './node-status.ts'

export function readMachine(
  given: Pick<Machine, 'name' | 'ip' | 'podCidr' | 'kubeletPort' | 'containerRuntimeVersion'>,
  rootDir: string,
): Machine {
  const disk = statfsSync(rootDir)
  const osRelease = read('/etc/os-release')
  return {
    ...given,
    cpus: cpus().length,
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    // Each node is a machine of its own to the cluster, though the hardware is one.
    machineId: `${read('/etc/machine-id').trim() || hostname()}-${given.name}`,
    bootId: read('/proc/sys/kernel/random/boot_id').trim(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
    architecture: arch() === 'x64' ? 'amd64' : arch(),
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
