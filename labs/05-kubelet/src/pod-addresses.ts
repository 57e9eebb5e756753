/** Which pod has which address. The truth is on the sandboxes; this only keeps two pods that start at once apart. */
import { nextPodIp } from './pod-ips.ts'

export interface PodAddresses {
  /** The pod's address: the one that its sandbox has or had, else the next free one. Throws when none is free. */
  of(podUid: string, current?: string): string
  /** A kubelet that has just started learns what is taken. */
  adopt(podUid: string, ip: string): void
  release(podUid: string): void
}

export function createPodAddresses(podCidr: string): PodAddresses {
  const byPod = new Map<string, string>()
  let last: string | undefined
  return {
    of(podUid, current) {
      const known = byPod.get(podUid) ?? current
      const ip = known ?? nextPodIp(podCidr, last, new Set(byPod.values()))
      if (!ip) throw new Error(`all addresses of ${podCidr} are taken`)
      if (!known) last = ip
      byPod.set(podUid, ip)
      return ip
    },
    adopt(podUid, ip) {
      byPod.set(podUid, ip)
    },
    release(podUid) {
      byPod.delete(podUid)
    },
  }
}
