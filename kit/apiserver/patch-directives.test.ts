/** Directives of a strategic merge patch that make no sense are refused, with upstream's words; those that kubectl sends are not. */
import { describe, expect, it } from 'vitest'
import { applyPatch } from '#apiserver/patch/apply-patch.ts'

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', finalizers: ['a/b', 'c/d'] },
  spec: {
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
    template: { spec: { containers: [{ name: 'web' }, { name: 'side' }], volumes: [{ name: 'v', emptyDir: {} }] } },
  },
}

const patched = (patch: unknown) => applyPatch(deployment, 'application/strategic-merge-patch+json', patch)
const inPod = (spec: object) => ({ spec: { template: { spec } } })

const noList = [1, 'type', null, {}, true]
const [RETAIN, ORDER, VALUES] = ['retainKeys', 'setElementOrder list', 'primitive list'].map(
  (what) => `invalid patch format of ${what}`,
) as [string, string, string]

describe('directives that make no sense', () => {
  it.each<[string, string, object]>([
    ...noList.map((value): [string, string, object] => [
      `$retainKeys: ${JSON.stringify(value)}`,
      RETAIN,
      { spec: { strategy: { $retainKeys: value } } },
    ]),
    ...noList.map((value): [string, string, object] => [
      `$setElementOrder/containers: ${JSON.stringify(value)}`,
      ORDER,
      inPod({ '$setElementOrder/containers': value }),
    ]),
    ...noList.map((value): [string, string, object] => [
      `$deleteFromPrimitiveList/finalizers: ${JSON.stringify(value)}`,
      VALUES,
      { metadata: { '$deleteFromPrimitiveList/finalizers': value } },
    ]),
    ...[1, 'merge', 'Delete', null, ['delete'], {}].flatMap((value): [string, string, object][] => [
      [`$patch: ${JSON.stringify(value)} in a map`, 'unknown patch type', { spec: { strategy: { $patch: value } } }],
      [
        `$patch: ${JSON.stringify(value)} in a list`,
        'unknown patch type',
        inPod({ containers: [{ name: 'web', $patch: value }] }),
      ],
    ]),
    ['an order of no field', ORDER, inPod({ $setElementOrder: [] })],
    ['values of no field', VALUES, { metadata: { $deleteFromPrimitiveList: [] } }],
    ['an order of what is no list', ORDER, inPod({ '$setElementOrder/containers': [], containers: {} })],
    ['a field that is set, not retained', RETAIN, { spec: { strategy: { $retainKeys: ['type'], rollingUpdate: {} } } }],
    [
      'an item that the order lacks',
      "doesn't match $setElementOrder list",
      inPod({ '$setElementOrder/containers': [{ name: 'web' }], containers: [{ name: 'other' }] }),
    ],
    [
      'items in another order',
      "doesn't match $setElementOrder list",
      inPod({
        '$setElementOrder/containers': [{ name: 'web' }, { name: 'side' }],
        containers: [{ name: 'side' }, { name: 'web' }],
      }),
    ],
    ['whom to delete is not said', 'declared merge key: name', inPod({ containers: [{ $patch: 'delete' }] })],
  ])('%s', (_what, told, patch) => {
    expect(() => patched(patch)).toThrow(expect.objectContaining({ code: 400, message: expect.stringContaining(told) }))
  })
})

it('directives that do make sense are followed', () => {
  const patch = {
    metadata: { '$deleteFromPrimitiveList/finalizers': ['a/b'], '$setElementOrder/finalizers': ['c/d'] },
    spec: {
      strategy: { $retainKeys: ['type'], type: 'Recreate', rollingUpdate: null },
      template: {
        spec: {
          '$setElementOrder/containers': [{ name: 'new' }, { name: 'web' }],
          containers: [{ name: 'new' }, { $patch: 'delete', name: 'side' }],
          volumes: [{ $patch: 'replace' }, { name: 'w' }],
          securityContext: { $patch: 'replace', runAsUser: 1 },
        },
      },
    },
  }
  expect(patched(patch)).toMatchObject({
    metadata: { finalizers: ['c/d'] },
    spec: {
      strategy: { type: 'Recreate' },
      template: {
        spec: {
          containers: [{ name: 'new' }, { name: 'web' }],
          volumes: [{ name: 'w' }],
          securityContext: { runAsUser: 1 },
        },
      },
    },
  })
})
