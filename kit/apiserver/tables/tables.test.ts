import { describe, expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import type { ContainerStatus, Pod } from '../../api/objects.ts'
import { apiVersionOf, resourcePath } from '../../api/resources.ts'
import { hasRecordings, recordedLines, recording } from '../testing/upstream.ts'
import { age, humanDuration } from './ages.ts'
import type { Column } from './columns.ts'
import { summarizePod } from './pods.ts'
import { printerFor } from './printers.ts'
import { labelsText, selectorText } from './selector-text.ts'
import { tableOf } from './table.ts'

const now = Date.parse('2026-01-01T12:00:00Z')
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString()

describe('ages', () => {
  it.each([
    [-2_000, '<invalid>'],
    [-1_000, '0s'],
    [0, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [61_000 * 3, '3m3s'],
    [10 * 60_000, '10m'],
    [179 * 60_000, '179m'],
    [180 * 60_000, '3h'],
    [(7 * 60 + 59) * 60_000, '7h59m'],
    [47 * 3_600_000, '47h'],
    [48 * 3_600_000, '2d'],
    [(24 * 7 + 5) * 3_600_000, '7d5h'],
    [8 * 24 * 3_600_000, '8d'],
    [729 * 24 * 3_600_000, '729d'],
    [(3 * 365 + 7) * 24 * 3_600_000, '3y7d'],
    [9 * 365 * 24 * 3_600_000, '9y'],
  ])('%i ms are %s (apimachinery duration.HumanDuration)', (durationMs, text) => {
    expect(humanDuration(durationMs)).toBe(text)
  })

  it('are unknown without a timestamp', () => {
    expect([age(undefined, now), age(null, now), age(ago(5), now)]).toEqual(['<unknown>', '<unknown>', '5s'])
  })
})

describe('selectors', () => {
  it('read as one would type them', () => {
    expect(labelsText({ b: '2', a: '1' })).toBe('a=1,b=2')
    expect(labelsText({})).toBe('<none>')
    const matchExpressions = [
      { key: 'tier', operator: 'In', values: ['web', 'api'] },
      { key: 'env', operator: 'NotIn', values: ['dev'] },
      { key: 'old', operator: 'DoesNotExist' },
      { key: 'app', operator: 'Exists' },
    ]
    expect(selectorText({ matchLabels: { z: '1' }, matchExpressions })).toBe(
      'app,env notin (dev),!old,tier in (api,web),z=1',
    )
    expect(selectorText(undefined)).toBe('<none>')
  })
})

describe('pods (kubernetes printPod)', () => {
  const container = (state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus => ({
    name: 'main',
    image: 'i',
    imageID: '',
    ready: false,
    restartCount: 0,
    state: state!,
    ...more,
  })
  const running = { running: { startedAt: ago(60) } }
  const summary = (status: Pod['status'], more: { spec?: Partial<Pod['spec']>; metadata?: Pod['metadata'] } = {}) => {
    const spec = { containers: [{ name: 'main' }], ...more.spec }
    const {
      ready,
      total,
      status: word,
      restarts,
    } = summarizePod({ spec, ...(more.metadata && { metadata: more.metadata }), ...(status && { status }) })
    return `${ready}/${total} ${word} ${restarts}`
  }

  it.each<[string, string, string]>([
    ['a pod that waits for a node', '0/1 Pending 0', summary({ phase: 'Pending' })],
    ['one with a reason of its own', '0/1 Evicted 0', summary({ phase: 'Failed', reason: 'Evicted' })],
    [
      'one held back by a gate',
      '0/1 SchedulingGated 0',
      summary({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }),
    ],
    [
      'a container being created',
      '0/1 ContainerCreating 0',
      summary({ phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ContainerCreating' } })] }),
    ],
    [
      'a running one',
      '1/1 Running 0',
      summary({ phase: 'Running', containerStatuses: [container(running, { ready: true })] }),
    ],
    [
      'a crashing one',
      '0/1 CrashLoopBackOff 3',
      summary({
        phase: 'Running',
        containerStatuses: [container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3 })],
      }),
    ],
    [
      'a killed one',
      '0/1 Signal:9 0',
      summary({ phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 137, signal: 9 } })] }),
    ],
    [
      'a failed one',
      '0/1 ExitCode:2 0',
      summary({ phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 2 } })] }),
    ],
    [
      'a completed one',
      '0/1 Completed 0',
      summary({
        phase: 'Succeeded',
        containerStatuses: [container({ terminated: { exitCode: 0, reason: 'Completed' } })],
      }),
    ],
    [
      'one that is being deleted',
      '1/1 Terminating 0',
      summary(
        { phase: 'Running', containerStatuses: [container(running, { ready: true })] },
        { metadata: { deletionTimestamp: ago(1) } },
      ),
    ],
    [
      'one deleted on a lost node',
      '0/1 Unknown 0',
      summary({ phase: 'Running', reason: 'NodeLost' }, { metadata: { deletionTimestamp: ago(1) } }),
    ],
    [
      'a finished one that is deleted',
      '0/1 Succeeded 0',
      summary({ phase: 'Succeeded' }, { metadata: { deletionTimestamp: ago(1) } }),
    ],
  ])('%s: %s', (_, expected, actual) => {
    expect(actual).toBe(expected)
  })

  it('show init containers until the last is done', () => {
    const spec = { initContainers: [{ name: 'one' }, { name: 'two' }] }
    const done = container({ terminated: { exitCode: 0 } }, { name: 'one' })
    const second = (state: ContainerStatus['state']) => ({
      phase: 'Pending',
      initContainerStatuses: [done, container(state, { name: 'two' })],
    })
    expect(summary(second(running), { spec })).toBe('0/1 Init:1/2 0')
    expect(summary(second({ waiting: { reason: 'PodInitializing' } }), { spec })).toBe('0/1 Init:1/2 0')
    expect(summary(second({ waiting: { reason: 'ImagePullBackOff' } }), { spec })).toBe('0/1 Init:ImagePullBackOff 0')
    expect(summary(second({ terminated: { exitCode: 1, reason: 'Error' } }), { spec })).toBe('0/1 Init:Error 0')
    expect(summary(second({ terminated: { exitCode: 3 } }), { spec })).toBe('0/1 Init:ExitCode:3 0')
  })

  it('count sidecars as containers', () => {
    const spec = { initContainers: [{ name: 'side', restartPolicy: 'Always' }] }
    const status = {
      phase: 'Running',
      initContainerStatuses: [container(running, { name: 'side', started: true, ready: true, restartCount: 2 })],
      containerStatuses: [container(running, { ready: true, restartCount: 1 })],
    }
    expect(summary(status, { spec })).toBe('2/2 Running 3')
  })

  it('are not "Completed" while another container goes on', () => {
    const containerStatuses = [
      container({ terminated: { exitCode: 0, reason: 'Completed' } }),
      container(running, { ready: true }),
    ]
    expect(summary({ phase: 'Running', containerStatuses })).toBe('1/1 NotReady 0')
    expect(summary({ phase: 'Running', containerStatuses, conditions: [{ type: 'Ready', status: 'True' }] })).toBe(
      '1/1 Running 0',
    )
  })

  it('say when the last restart was', () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: ago(120) } }
    const pod: Pod = {
      metadata: { name: 'web', creationTimestamp: ago(3600) },
      spec: { containers: [{ name: 'main' }], nodeName: 'node-1' },
      status: {
        phase: 'Running',
        podIPs: [{ ip: '10.244.1.2' }],
        containerStatuses: [container(running, { ready: true, restartCount: 3, lastState })],
      },
    }
    const { rows } = tableOf(pod as never, 'v1', 'Pod', { nowMs: now, includeObject: 'None', tableVersion: 'v1' })
    expect(rows[0]?.cells).toEqual([
      'web',
      '1/1',
      'Running',
      '3 (2m ago)',
      '60m',
      '10.244.1.2',
      'node-1',
      '<none>',
      '<none>',
    ])
  })
})

describe('other kinds', () => {
  const cells = (apiVersion: string, kind: string, object: object) =>
    printerFor(apiVersion, kind).cells({ metadata: { name: 'x', creationTimestamp: ago(5) }, ...object }, now)

  it('nodes', () => {
    const labels = { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' }
    const status = {
      conditions: [{ type: 'Ready', status: 'Unknown' }],
      addresses: [{ type: 'InternalIP', address: '10.244.0.11' }],
      nodeInfo: {
        kubeletVersion: 'v1.32.0',
        osImage: 'Linux',
        kernelVersion: '6',
        containerRuntimeVersion: 'docker://20',
      },
    }
    const node = { metadata: { name: 'n', labels, creationTimestamp: ago(5) }, spec: { unschedulable: true }, status }
    expect(cells('v1', 'Node', node)).toEqual([
      'n',
      'NotReady,SchedulingDisabled',
      'control-plane,worker',
      '5s',
      'v1.32.0',
      '10.244.0.11',
      '<none>',
      'Linux',
      '6',
      'docker://20',
    ])
    expect(cells('v1', 'Node', {}).slice(1, 3)).toEqual(['Unknown', '<none>'])
  })

  it('services of each type', () => {
    const service = (spec: object, status = {}) => cells('v1', 'Service', { spec, status }).slice(1, 5)
    expect(service({ type: 'ClusterIP', clusterIPs: ['10.96.0.1'], ports: [{ port: 443, protocol: 'TCP' }] })).toEqual([
      'ClusterIP',
      '10.96.0.1',
      '<none>',
      '443/TCP',
    ])
    expect(service({ type: 'ClusterIP', clusterIPs: ['None'] })).toEqual(['ClusterIP', 'None', '<none>', '<none>'])
    const ports = [
      { port: 80, nodePort: 30001, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ]
    expect(service({ type: 'NodePort', clusterIPs: ['10.96.0.2'], ports })).toEqual([
      'NodePort',
      '10.96.0.2',
      '<none>',
      '80:30001/TCP,53/UDP',
    ])
    expect(service({ type: 'LoadBalancer', clusterIPs: ['10.96.0.3'] })[2]).toBe('<pending>')
    const ingress = [{ ip: '10.0.0.2' }, { ip: '10.0.0.1' }]
    expect(service({ type: 'LoadBalancer', externalIPs: ['1.2.3.4'] }, { loadBalancer: { ingress } })[2]).toBe(
      '10.0.0.1,10.0.0.2,1.2.3.4',
    )
    expect(service({ type: 'ExternalName', externalName: 'example.com' })).toEqual([
      'ExternalName',
      '<none>',
      'example.com',
      '<none>',
    ])
  })

  it('endpoints, the first three of them', () => {
    const subsets = [{ addresses: ['1', '2'].map((ip) => ({ ip })), ports: [{ port: 80 }, { port: 443 }] }]
    expect(cells('v1', 'Endpoints', { subsets })[1]).toBe('1:80,2:80,1:443 + 1 more...')
    expect(cells('v1', 'Endpoints', {})[1]).toBe('<none>')
    const slice = { addressType: 'IPv4', ports: [{ port: 80 }], endpoints: [{ addresses: ['10.0.0.1'] }] }
    expect(cells('discovery.k8s.io/v1', 'EndpointSlice', slice).slice(1, 4)).toEqual(['IPv4', '80', '10.0.0.1'])
    expect(cells('discovery.k8s.io/v1', 'EndpointSlice', { addressType: 'IPv4' }).slice(1, 4)).toEqual([
      'IPv4',
      '<unset>',
      '<unset>',
    ])
  })

  it('events of both groups', () => {
    const core = {
      involvedObject: { kind: 'Pod', name: 'web', fieldPath: 'spec.containers{main}' },
      source: { component: 'kubelet', host: 'node-1' },
      ...{
        type: 'Normal',
        reason: 'Pulled',
        message: 'ok\n',
        firstTimestamp: ago(60),
        lastTimestamp: ago(30),
        count: 2,
      },
    }
    const expected = [
      '30s',
      'Normal',
      'Pulled',
      'pod/web',
      'spec.containers{main}',
      'kubelet, node-1',
      'ok',
      '60s',
      2,
      'x',
    ]
    expect(cells('v1', 'Event', core)).toEqual(expected)
    const event = {
      regarding: core.involvedObject,
      ...{ type: 'Normal', reason: 'Pulled', note: 'ok', reportingController: 'kubelet', reportingInstance: 'node-1' },
      ...{ eventTime: ago(60), series: { count: 2, lastObservedTime: ago(30) } },
    }
    expect(cells('events.k8s.io/v1', 'Event', event)).toEqual(expected)
  })

  it('kinds without a printer show when they were made', () => {
    expect(cells('example.com/v1', 'Thing', {})).toEqual(['x', ago(5)])
  })
})

describe.skipIf(!hasRecordings)('tables, compared with a real API server', () => {
  it('have the same columns', () => {
    const upstream = recording<Record<string, Column[] | { columnDefinitions: Column[] }>>('table-columns.json')
    const shape = ({ name, type, format, priority }: Column) => ({ name, type, format, priority })
    for (const { resource } of kindRows) {
      const recorded = upstream[resourcePath(resource)]
      if (!recorded) continue
      const theirs = Array.isArray(recorded) ? recorded : recorded.columnDefinitions
      const ours = printerFor(apiVersionOf(resource), resource.kind).columns
      expect([resource.plural, ours.map(shape)]).toEqual([resource.plural, theirs.map(shape)])
    }
  })

  it('sum a pod up as it was summed up at each moment of its life', () => {
    let compared = 0
    for (const { name, manifest, timeline, kubectlGet } of recordedPods()) {
      const ours = timeline.map(({ deletionTimestamp, nodeName: _, t: _t, watch: _w, ...status }) => {
        const metadata = deletionTimestamp ? { deletionTimestamp: String(deletionTimestamp) } : {}
        const { ready, total, status: word, restarts } = summarizePod({ spec: manifest.spec, metadata, status } as Pod)
        return `${ready}/${total} ${word} ${restarts}`
      })
      // The recorder polled, so it may have missed a state, but what it saw comes in this order.
      compared++
      let from = 0
      for (const line of kubectlGet) {
        const seen = line.replace(/^.*\| /, '').replace(/ \(.* ago\)$/, '')
        if (seen === '(deleted)') continue
        const at = ours.indexOf(seen, from)
        expect([name, at >= 0 ? seen : ours.slice(from)]).toEqual([name, seen])
        from = at
      }
    }
    expect(compared).toBeGreaterThan(100)
  })
})

interface RecordedPod {
  name: string
  manifest: { kind: string; spec: object }
  timeline: { t: number; watch: string; nodeName: unknown; deletionTimestamp?: unknown }[]
  kubectlGet: string[]
}

function recordedPods(): RecordedPod[] {
  return recordedLines<RecordedPod>('kubelet/recordings.jsonl.gz').filter(({ manifest }) => manifest?.kind === 'Pod')
}
