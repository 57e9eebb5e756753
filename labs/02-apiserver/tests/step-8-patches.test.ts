/** Step 2.8: patches. */
import { describe, expect } from 'vitest'
import { applyMergePatch } from '#apiserver/patch/merge-patch.ts'
import { patchSchemaOf } from '#apiserver/patch/patch-schema.ts'
import { mergeList, strategicMerge } from '#apiserver/patch/strategic-merge.ts'
import { lesson } from '#kit/testing/lesson.ts'

const STRATEGIC = 'apimachinery pkg/util/strategicpatch/patch.go'
const pod = patchSchemaOf('Pod')
const byName = { mergeKey: 'name' }

describe('a merge patch', () => {
  lesson(
    'passes the examples of its RFC',
    {
      scenario: 'The fifteen examples of RFC 7386, appendix A.',
      rule: 'Maps are merged, null takes away, everything else replaces.',
      source: 'RFC 7386 appendix A',
    },
    () => {
      const examples: readonly (readonly [target: unknown, patch: unknown, result: unknown])[] = [
        [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
        [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
        [{ a: 'b' }, { a: null }, {}],
        [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
        [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
        [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
        [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
        [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
        [
          ['a', 'b'],
          ['c', 'd'],
          ['c', 'd'],
        ],
        [{ a: 'b' }, ['c'], ['c']],
        [{ a: 'foo' }, null, null],
        [{ a: 'foo' }, 'bar', 'bar'],
        [{ e: null }, { a: 1 }, { e: null, a: 1 }],
        [[1, 2], { a: 'b', c: null }, { a: 'b' }],
        [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
      ]
      for (const [target, patch, result] of examples) {
        expect({ target, patch, result: applyMergePatch(target, patch) }).toEqual({ target, patch, result })
      }
    },
  )

  lesson(
    'leaves its arguments alone',
    {
      scenario: 'A patch deep inside an object that others are reading.',
      rule: 'Objects from the cache are shared: a patch makes a new object.',
      source: 'apiserver pkg/endpoints/handlers/patch.go',
    },
    () => {
      const target = { spec: { replicas: 1, list: [1] } }
      const patch = { spec: { replicas: 2 } }
      expect(applyMergePatch(target, patch)).toEqual({ spec: { replicas: 2, list: [1] } })
      expect([target, patch]).toEqual([{ spec: { replicas: 1, list: [1] } }, { spec: { replicas: 2 } }])
    },
  )
})

describe('a strategic patch of a map', () => {
  lesson(
    'merges maps and takes fields away like a merge patch',
    {
      scenario: 'A label more, a label less, another restart policy; a list of plain arguments is replaced.',
      rule: 'Where no rule says otherwise, strategic is as RFC 7386.',
      source: STRATEGIC,
    },
    () => {
      const target = { metadata: { labels: { a: '1', b: '2' } }, spec: { restartPolicy: 'Always', args: ['x', 'y'] } }
      const patch = { metadata: { labels: { a: null, c: '3' } }, spec: { restartPolicy: 'Never', args: ['z'] } }
      expect(strategicMerge(target, patch, pod)).toEqual({
        metadata: { labels: { b: '2', c: '3' } },
        spec: { restartPolicy: 'Never', args: ['z'] },
      })
      expect(target.metadata.labels).toEqual({ a: '1', b: '2' })
    },
  )

  lesson(
    'finds containers by name',
    {
      scenario: 'kubectl set image: the patch names one of two containers and its new image.',
      rule: 'A list with a merge key is merged item by item: nothing else of the container changes, nor the other container.',
      source: `${STRATEGIC}; patchMergeKey of k8s.io/api`,
    },
    () => {
      const side = { name: 'side', image: 'side:1' }
      const target = {
        spec: { containers: [{ name: 'web', image: 'web:1', args: ['-v'], env: [{ name: 'A', value: '1' }] }, side] },
      }
      const patch = {
        spec: {
          '$setElementOrder/containers': [{ name: 'web' }, { name: 'side' }],
          containers: [{ name: 'web', image: 'web:2', env: [{ name: 'B', value: '2' }] }],
        },
      }
      expect(strategicMerge(target, patch, pod)).toEqual({
        spec: {
          containers: [
            {
              name: 'web',
              image: 'web:2',
              args: ['-v'],
              env: [
                { name: 'B', value: '2' },
                { name: 'A', value: '1' },
              ],
            },
            side,
          ],
        },
      })
    },
  )

  lesson(
    'knows rules deep inside, and not where there are none',
    {
      scenario: 'Deployments have a pod template; taints of a node share keys, so upstream gives them no merge key.',
      rule: 'The rules belong to the field’s path in the kind, not to its name.',
      source: STRATEGIC,
    },
    () => {
      const containersIn = (...containers: object[]) => ({ spec: { template: { spec: { containers } } } })
      expect(
        strategicMerge(
          containersIn({ name: 'web', image: 'web:1' }),
          containersIn({ name: 'side', image: 'side:1' }),
          patchSchemaOf('Deployment'),
        ),
      ).toEqual(containersIn({ name: 'side', image: 'side:1' }, { name: 'web', image: 'web:1' }))
      const taints = { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }
      const other = { spec: { taints: [{ key: 'b', effect: 'NoExecute' }] } }
      expect(strategicMerge(taints, other, patchSchemaOf('Node'))).toEqual(other)
    },
  )

  lesson(
    'obeys $patch and leaves no directive behind',
    {
      scenario: 'A security context is replaced, another one emptied, a new map comes with directives and nulls in it.',
      rule: 'replace: this map instead of the old; delete: an empty one. Directives and nulls are instructions, not contents.',
      source: STRATEGIC,
    },
    () => {
      const target = { a: { x: 1, y: 2 }, b: { x: 1 } }
      const patch = {
        a: { $patch: 'replace', y: 3 },
        b: { $patch: 'delete' },
        c: { $retainKeys: ['x'], x: 1, y: null, z: { $patch: 'replace', v: 1 } },
      }
      expect(strategicMerge(target, patch, pod)).toEqual({ a: { y: 3 }, b: {}, c: { x: 1, z: { v: 1 } } })
    },
  )

  lesson(
    'leaves no directive and no null behind, however deep they are',
    {
      scenario:
        'A container is new, a list without a merge key is replaced, and so is a whole map; all come with directives and nulls inside.',
      rule: 'What is new goes into the store as it is: instructions to the merge have no business in it.',
      source: STRATEGIC,
    },
    () => {
      const target = { spec: { containers: [{ name: 'web' }], args: ['x'] }, a: { x: 1 } }
      const patch = {
        spec: {
          containers: [{ name: 'side', image: null, resources: { $patch: 'replace', limits: null } }],
          args: [{ v: 1, w: null, $retainKeys: ['v'] }],
        },
        a: { $patch: 'replace', inner: { $retainKeys: ['y'], y: 2, z: null } },
      }
      expect(strategicMerge(target, patch, pod)).toEqual({
        spec: { containers: [{ name: 'side', resources: {} }, { name: 'web' }], args: [{ v: 1 }] },
        a: { inner: { y: 2 } },
      })
    },
  )

  lesson(
    'takes away a whole list, and puts a map where there was none',
    {
      scenario: 'The volumes become null, although they have a merge key; the text "none" becomes a map.',
      rule: 'A null takes a field away, whatever it held; what was no map is replaced by one.',
      source: STRATEGIC,
    },
    () => {
      const target = { spec: { volumes: [{ name: 'data' }], affinity: 'none' } }
      const patch = { spec: { volumes: null, affinity: { nodeAffinity: {} } } }
      expect(strategicMerge(target, patch, pod)).toEqual({ spec: { affinity: { nodeAffinity: {} } } })
    },
  )

  lesson(
    'leaves its arguments alone, items of lists as well',
    {
      scenario: 'A container of a pod that others are reading gets another image and loses a variable.',
      rule: 'Objects from the cache are shared: a patch makes a new object.',
      source: 'apiserver pkg/endpoints/handlers/patch.go',
    },
    () => {
      const target = { spec: { containers: [{ name: 'web', image: 'web:1', env: [{ name: 'A' }, { name: 'B' }] }] } }
      const patch = {
        spec: { containers: [{ name: 'web', image: 'web:2', env: [{ $patch: 'delete', name: 'A' }] }] },
      }
      const before = structuredClone({ target, patch })
      expect(strategicMerge(target, patch, pod)).toEqual({
        spec: { containers: [{ name: 'web', image: 'web:2', env: [{ name: 'B' }] }] },
      })
      expect({ target, patch }, 'what was given').toEqual(before)
    },
  )

  lesson(
    'keeps only what $retainKeys names',
    {
      scenario:
        'A Deployment changes from RollingUpdate to Recreate, as kubectl apply sends it. Then another changes only maxSurge, and names both fields.',
      rule: 'Of fields that exclude each other only those named stay; the numbers of a rolling update must go. What is named stays, changed or not.',
      source: `${STRATEGIC} ($retainKeys)`,
    },
    () => {
      const target = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }, replicas: 2 } }
      const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }
      expect(strategicMerge(target, patch, patchSchemaOf('Deployment'))).toEqual({
        spec: { strategy: { type: 'Recreate' }, replicas: 2 },
      })
      const faster = { spec: { strategy: { $retainKeys: ['rollingUpdate', 'type'], rollingUpdate: { maxSurge: 3 } } } }
      expect(strategicMerge(target, faster, patchSchemaOf('Deployment')), 'named, but not changed').toEqual({
        spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3 } }, replicas: 2 },
      })
    },
  )

  lesson(
    'adds to and takes from lists of plain values',
    {
      scenario: 'A controller adds its finalizer while another one’s is there; then it takes its own away.',
      rule: 'Finalizers are merged as a set; $deleteFromPrimitiveList removes values, also when nothing is added.',
      source: STRATEGIC,
    },
    () => {
      const target = { metadata: { finalizers: ['theirs'] } }
      const added = strategicMerge(target, { metadata: { finalizers: ['mine', 'theirs'] } }, pod)
      expect(added).toEqual({ metadata: { finalizers: ['mine', 'theirs'] } })
      const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['mine'] } }
      expect(strategicMerge(added, patch, pod)).toEqual({ metadata: { finalizers: ['theirs'] } })
    },
  )

  lesson(
    'can change nothing but the order',
    {
      scenario: 'The manifest lists the same containers the other way round: the patch has only $setElementOrder.',
      rule: 'An order is a change; the field itself need not be in the patch.',
      source: `${STRATEGIC} ($setElementOrder)`,
    },
    () => {
      const target = { spec: { containers: [{ name: 'a' }, { name: 'b' }] } }
      const patch = { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } }
      expect(strategicMerge(target, patch, pod)).toEqual({ spec: { containers: [{ name: 'b' }, { name: 'a' }] } })
    },
  )
})

describe('a strategic patch of a list', () => {
  const [a, b, c] = [
    { name: 'a', v: 1 },
    { name: 'b', v: 1 },
    { name: 'c', v: 1 },
  ]

  lesson(
    'changes, adds and takes away by key',
    {
      scenario: 'Of a, b and c: b is changed, c deleted, d is new.',
      rule: 'What the patch does not name stays. Deleting what is not there is fine.',
      source: STRATEGIC,
    },
    () => {
      const patch = [
        { name: 'b', v: 2 },
        { name: 'd', v: 1 },
        { $patch: 'delete', name: 'c' },
        { $patch: 'delete', name: 'zzz' },
      ]
      const merged = mergeList([a, b, c], patch, byName) as { name: string }[]
      const byNameOf = [...merged].sort((one, other) => (one.name < other.name ? -1 : 1))
      expect(byNameOf, 'the items, whatever their order').toEqual([a, { name: 'b', v: 2 }, { name: 'd', v: 1 }])
    },
  )

  lesson(
    'is replaced when an item says so',
    {
      scenario: '[{"$patch": "replace"}, d] on a and b; and [{"$patch": "replace"}] alone.',
      rule: 'The other items of the patch are the whole new list.',
      source: STRATEGIC,
    },
    () => {
      const others = [{ name: 'd', v: null, $retainKeys: ['name'] }, { $patch: 'replace' }]
      expect(mergeList([a, b], others, byName), 'd alone, without its null').toEqual([{ name: 'd' }])
      expect(mergeList([a, b], [{ $patch: 'replace' }], byName), 'no other item').toEqual([])
    },
  )

  lesson(
    'puts what the patch names first, unless it knew better before',
    {
      scenario: 'A new item; then one that exists, behind one that the patch does not name.',
      rule: 'New items come first (as kubectl patch shows with upstream); items that exist keep their place among the others.',
      source: `${STRATEGIC} (mergeSortedSlice)`,
    },
    () => {
      const names = (items: readonly unknown[]) => items.map((item) => (item as { name: string }).name)
      expect(names(mergeList([a, b], [{ name: 'd' }], byName)), 'd is new').toEqual(['d', 'a', 'b'])
      expect(names(mergeList([a, b, c], [{ name: 'b', v: 2 }], byName)), 'b was there').toEqual(['a', 'b', 'c'])
    },
  )

  lesson(
    'takes the order that it is given',
    {
      scenario: 'a, b, c; the patch adds d and wants the order d, c, a. Nobody speaks of b.',
      rule: 'The items of $setElementOrder come as it says; the others keep close to where they were.',
      source: `${STRATEGIC} (normalizeElementOrder)`,
    },
    () => {
      const order = [{ name: 'd' }, { name: 'c' }, { name: 'a' }]
      const names = mergeList([a, b, c], [{ name: 'd' }], byName, order).map((item) => (item as { name: string }).name)
      expect(names).toEqual(['d', 'b', 'c', 'a'])
    },
  )

  lesson(
    'uses the key of its own field',
    {
      scenario: 'Container ports are told apart by containerPort, conditions by type, plain values by themselves.',
      rule: 'The merge key comes from the rule.',
      source: 'patchMergeKey of k8s.io/api',
    },
    () => {
      const ports = [{ containerPort: 80, name: 'http' }]
      expect(mergeList(ports, [{ containerPort: 80, protocol: 'UDP' }], { mergeKey: 'containerPort' })).toEqual([
        { containerPort: 80, name: 'http', protocol: 'UDP' },
      ])
      expect(mergeList(['x', 'y'], ['y', 'z'], { mergeKey: '' }).sort()).toEqual(['x', 'y', 'z'])
    },
  )
})
