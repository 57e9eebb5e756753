/**
 * Compares with what a real kubelet 1.32 wrote, where its recordings are at hand: 118 pods and every status that they went
 * through. From the recorded container statuses, our phase, conditions and quality of service must be the recorded ones.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { ContainerStatus, Pod, PodCondition } from '#kit/api/objects.ts'
import { containersReady, initialized } from '#kubelet/status/conditions.ts'
import { isTerminalPhase, podPhase } from '#kubelet/status/phase.ts'
import { qosClass } from '#kubelet/status/qos.ts'

const RECORDINGS = new URL('../../../../shared/upstream/kubelet/recordings.jsonl.gz', import.meta.url)

interface Moment {
  readonly phase: string
  readonly deletionTimestamp?: string
  readonly qosClass?: string
  readonly reason?: string
  readonly conditions?: PodCondition[]
  readonly containerStatuses?: ContainerStatus[]
  readonly initContainerStatuses?: ContainerStatus[]
}

interface Recording {
  readonly name: string
  /** Null for a static pod. */
  readonly manifest: Pod | null
  readonly timeline: Moment[]
}

/** Sidecars, evictions by the node, deadlines: not in this lab yet. */
function isCovered(recording: Recording): recording is Recording & { manifest: Pod } {
  const { manifest, timeline } = recording
  const hasSidecar = manifest?.spec?.initContainers?.some((one) => 'restartPolicy' in one)
  return manifest !== null && !hasSidecar && timeline.every(({ reason }) => !reason)
}

function readRecordings(): Recording[] {
  const lines = gunzipSync(readFileSync(RECORDINGS)).toString('utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

// The body of a skipped `describe` runs all the same, to see which tests there are.
const areAtHand = existsSync(RECORDINGS)

describe.skipIf(!areAtHand)('a real kubelet', () => {
  for (const recording of areAtHand ? readRecordings().filter(isCovered) : []) {
    it(`agrees on ${recording.name}`, () => {
      const { manifest, timeline } = recording
      for (const moment of timeline) {
        const { containerStatuses, initContainerStatuses: init = [], conditions = [] } = moment
        if (!containerStatuses) continue
        // Reported by name, but judged in the spec's order.
        const containers = (manifest.spec?.containers ?? []).flatMap(
          (container) => containerStatuses.find(({ name }) => name === container.name) ?? [],
        )
        const over = isTerminalPhase(moment.phase)
        const phase = podPhase(manifest, containers, init, over && moment.deletionTimestamp !== undefined)
        // Upstream reports the end only once everything is stopped; ours is computed after that, so it may be earlier.
        if (!(isTerminalPhase(phase) && !over)) expect(phase).toBe(moment.phase)
        expect(verdict(initialized(phase, init))).toEqual(
          verdict(conditions.find(({ type }) => type === 'Initialized')),
        )
        const expected = conditions.find(({ type }) => type === 'ContainersReady')
        const ours = containersReady(phase, containers)
        // At the very end upstream keeps an older reason for a pod that never ran.
        if (!(moment.deletionTimestamp && phase === 'Failed')) expect(verdict(ours)).toEqual(verdict(expected))
        if (moment.qosClass) expect(qosClass(manifest)).toBe(moment.qosClass)
      }
    })
  }
})

function verdict(condition: Partial<PodCondition> | undefined) {
  const { status, reason, message } = condition ?? {}
  return { status, reason, message }
}
