/** Step 2.12: admission, and what the server hands out. */
import { describe, expect } from 'vitest'
import { withDefaultTolerations } from '#apiserver/admission/default-tolerations.ts'
import { checkNamespace } from '#apiserver/admission/namespace-lifecycle.ts'
import { withNotReadyTaint } from '#apiserver/admission/node-taints.ts'
import { withServiceAccount } from '#apiserver/admission/service-account.ts'
import { freeOffset, isTaken, withOffset } from '#apiserver/services/free-offset.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { kinds, NOW, randomFor, refusalOf, stored } from './fixtures.ts'

const LIFECYCLE = 'apiserver pkg/admission/plugin/namespace/lifecycle/admission.go'
const TOLERATIONS = 'kubernetes plugin/pkg/admission/defaulttolerationseconds/admission.go'
const BITMAP = 'kubernetes pkg/registry/core/service/allocator/bitmap.go'

describe('namespaces', () => {
  const creation = { operation: 'CREATE', row: kinds.pod, namespace: 'shop', name: 'web' } as const
  const active = stored({ name: 'shop' }, { status: { phase: 'Active' } })

  lesson(
    'must be there before anything is created in them',
    {
      scenario: 'A pod is created in shop, which exists, and which does not.',
      rule: 'NotFound, and about the namespace, not about the pod.',
      source: LIFECYCLE,
    },
    () => {
      expect(() => checkNamespace(creation, active)).not.toThrow()
      expect(refusalOf(() => checkNamespace(creation, undefined))).toEqual({
        code: 404,
        reason: 'NotFound',
        message: 'namespaces "shop" not found',
        details: { name: 'shop', kind: 'namespaces' },
      })
    },
  )

  lesson(
    'take nothing new when they are being deleted',
    {
      scenario: 'shop has the phase Terminating; then only its deletion is on record, and the phase is still Active.',
      rule: 'Forbidden, with a cause that controllers understand: they stop trying instead of refilling the namespace.',
      source: LIFECYCLE,
    },
    () => {
      const terminating = stored({ name: 'shop' }, { status: { phase: 'Terminating' } })
      expect(refusalOf(() => checkNamespace(creation, terminating), 'by the phase')).toEqual({
        code: 403,
        reason: 'Forbidden',
        message:
          'pods "web" is forbidden: unable to create new content in namespace shop because it is being terminated',
        details: {
          name: 'web',
          kind: 'pods',
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: 'namespace shop is being terminated',
              field: 'metadata.namespace',
            },
          ],
        },
      })
      const marked = stored({ name: 'shop', deletionTimestamp: NOW }, { status: { phase: 'Active' } })
      expect(refusalOf(() => checkNamespace(creation, marked), 'by the deletion on record').reason).toBe('Forbidden')
    },
  )

  lesson(
    'can be emptied while they are being deleted',
    {
      scenario: 'Updates and deletions in a namespace that is Terminating; a node is created.',
      rule: 'Only creations of namespaced kinds are asked about: finalizers must be removable, pods must be able to end.',
      source: LIFECYCLE,
    },
    () => {
      expect(() => checkNamespace({ ...creation, operation: 'UPDATE' }, undefined)).not.toThrow()
      expect(() => checkNamespace({ ...creation, operation: 'DELETE' }, undefined)).not.toThrow()
      expect(() => checkNamespace({ ...creation, row: kinds.node, namespace: '' }, undefined)).not.toThrow()
    },
  )

  lesson(
    'that the cluster lives in are not deleted',
    {
      scenario:
        'DELETE of the namespaces default, kube-system, kube-public, shop; of a pod called default; of a pod in default.',
      rule: 'Some are immortal. What lives in them is not.',
      source: LIFECYCLE,
    },
    () => {
      const row = {
        resource: { ...kinds.node.resource, kind: 'Namespace', plural: 'namespaces', singular: 'namespace' },
      }
      const deletion = (name: string) => ({ operation: 'DELETE', row, namespace: name, name }) as const
      for (const name of ['default', 'kube-system', 'kube-public']) {
        expect(refusalOf(() => checkNamespace(deletion(name), undefined), `of ${name}`)).toMatchObject({
          code: 403,
          message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
        })
      }
      expect(() => checkNamespace(deletion('shop'), undefined)).not.toThrow()
      const ofPod = { ...creation, operation: 'DELETE' } as const
      expect(() => checkNamespace({ ...ofPod, name: 'default' }, undefined), 'of a pod called default').not.toThrow()
      expect(() => checkNamespace({ ...ofPod, namespace: 'default' }, undefined), 'of a pod in default').not.toThrow()
    },
  )
})

describe('pods', () => {
  lesson(
    'run as somebody',
    {
      scenario:
        'Pods that name no account, a new-style one, an old-style one, both; one that says nothing in both fields.',
      rule: 'default when nobody is named; both fields say the same, the newer one wins. All else stays as it is.',
      source: 'kubernetes plugin/pkg/admission/serviceaccount/admission.go',
    },
    () => {
      const account = (spec: object) => withServiceAccount({ containers: [], ...spec })
      const as = (name: string) => ({ containers: [], serviceAccountName: name, serviceAccount: name })
      expect(account({})).toEqual(as('default'))
      expect(account({ serviceAccountName: 'robot' })).toEqual(as('robot'))
      expect(account({ serviceAccount: 'robot' })).toEqual(as('robot'))
      expect(account({ serviceAccountName: 'new', serviceAccount: 'old' })).toEqual(as('new'))
      expect(account({ serviceAccountName: '', serviceAccount: '' }), 'for empty names').toEqual(as('default'))
      const sent = { containers: [], nodeName: 'node-1' }
      expect(withServiceAccount(sent), 'a spec with more in it').toEqual({ ...as('default'), nodeName: 'node-1' })
      expect(sent, 'the spec that was passed in').toEqual({ containers: [], nodeName: 'node-1' })
    },
  )

  const [notReady, unreachable] = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].map((key) => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 300,
  }))

  lesson(
    'wait five minutes for a silent node',
    {
      scenario: 'A pod with no tolerations, and one that tolerates something else.',
      rule: 'Both taints of a silent node are tolerated for 300 s; what the user wrote comes first.',
      source: TOLERATIONS,
    },
    () => {
      expect(withDefaultTolerations([])).toEqual([notReady, unreachable])
      const gpu = { key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }
      const sent = [gpu]
      expect(withDefaultTolerations(sent)).toEqual([gpu, notReady, unreachable])
      expect(sent, 'the list that was passed in').toEqual([gpu])
    },
  )

  lesson(
    'may have other ideas about that',
    {
      scenario:
        'A pod that leaves after 5 s; one that tolerates everything; one that tolerates the taint, but not its NoExecute.',
      rule: 'A taint that is tolerated already, by key or by no key, for NoExecute or for any effect, is left to the user.',
      source: TOLERATIONS,
    },
    () => {
      const quick = {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 5,
      }
      expect(withDefaultTolerations([quick])).toEqual([quick, notReady])
      const anyEffect = { key: 'node.kubernetes.io/not-ready', operator: 'Exists' }
      expect(withDefaultTolerations([anyEffect])).toEqual([anyEffect, unreachable])
      const everything = { operator: 'Exists' }
      expect(withDefaultTolerations([everything])).toEqual([everything])
      const empty = { key: '', operator: 'Exists', effect: '' }
      expect(withDefaultTolerations([empty]), 'for empty texts, which name nothing').toEqual([empty])
      const nothingNew = { operator: 'Exists', effect: 'NoSchedule' }
      expect(withDefaultTolerations([nothingNew])).toEqual([nothingNew, notReady, unreachable])
      const equal = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', tolerationSeconds: 9 }
      expect(withDefaultTolerations([equal]), 'whatever the operator').toEqual([equal, notReady])
      const noSchedule = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoSchedule' }
      expect(withDefaultTolerations([noSchedule])).toEqual([noSchedule, notReady, unreachable])
    },
  )
})

describe('a new node', () => {
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }

  lesson(
    'takes no pods at first',
    {
      scenario: 'A node registers: without taints, with one of its own, with the not-ready taint of another effect.',
      rule: 'not-ready:NoSchedule is there before anybody can schedule to it, behind what the node brings along.',
      source: 'kubernetes plugin/pkg/admission/nodetaint/admission.go',
    },
    () => {
      const gpu = { key: 'gpu', effect: 'NoSchedule' }
      const evicting = { ...notReady, effect: 'NoExecute' }
      expect(withNotReadyTaint([])).toEqual([notReady])
      const sent = [gpu]
      expect(withNotReadyTaint(sent)).toEqual([gpu, notReady])
      expect(sent, 'the list that was passed in').toEqual([gpu])
      expect(withNotReadyTaint([evicting])).toEqual([evicting, notReady])
      expect(withNotReadyTaint([notReady, gpu]), 'for a node that says so itself').toEqual([notReady, gpu])
    },
  )
})

describe('a range of numbers', () => {
  const none = new Uint8Array(32)

  lesson(
    'remembers each number as one bit',
    {
      scenario: 'Numbers 0, 8, 9 and 255 are taken, 9 is given back.',
      rule: 'Bit n of the map is number n, and its neighbours in the byte are other numbers; the map that was passed in stays as it was.',
      source: BITMAP,
    },
    () => {
      const taken = [0, 8, 9, 255].reduce<Uint8Array>((bitmap, offset) => withOffset(bitmap, offset, true), none)
      expect([0, 1, 7, 8, 9, 10, 254, 255].filter((offset) => isTaken(taken, offset))).toEqual([0, 8, 9, 255])
      const given = withOffset(taken, 9, false)
      expect({
        '9 in the new map': isTaken(given, 9),
        '9 in the map that was passed in': isTaken(taken, 9),
        '0 in the new map': isTaken(given, 0),
        '8 in the new map': isTaken(given, 8),
        '9, given back twice': isTaken(withOffset(given, 9, false), 9),
      }).toEqual({
        '9 in the new map': false,
        '9 in the map that was passed in': true,
        '0 in the new map': true,
        '8 in the new map': true,
        '9, given back twice': false,
      })
      expect(
        [...none].filter((byte) => byte !== 0),
        'bytes of the first map that have changed',
      ).toEqual([])
    },
  )

  lesson(
    'gives out its upper part first',
    {
      scenario: 'A range of 256, whose first 16 are for users who ask for a number by name. Fractions 0, 0.5, 0.999.',
      rule: 'A free number above the band, beginning at the fraction of the upper part.',
      source: 'KEP-3070',
    },
    () => {
      const free = (fraction: number) => freeOffset(none, 256, fraction)
      expect({ 0: free(0), 0.5: free(0.5), 0.999: free(0.999) }).toEqual({ 0: 16, 0.5: 136, 0.999: 255 })
      expect(freeOffset(none, 10, 0), 'in a range of ten, which has no band').toBe(0)
    },
  )

  lesson(
    'looks for the next free one, and around',
    {
      scenario: 'Numbers 254 and 255 are taken, and the search begins at 254. Then the whole upper part is.',
      rule: 'Behind the end of the upper part comes its beginning, not the band below it. In the band it is the same.',
      source: BITMAP,
    },
    () => {
      const taken = [254, 255].reduce<Uint8Array>((bitmap, offset) => withOffset(bitmap, offset, true), none)
      expect(freeOffset(taken, 256, 238 / 240), 'the number behind 255').toBe(16)
      const bandOnly = Uint8Array.from({ length: 32 }, (_, byte) => (byte < 2 ? 0 : 0xff))
      expect(freeOffset(bandOnly, 256, 0.5), 'the middle of the band').toBe(8)
      const full = withOffset(withOffset(bandOnly, 15, true), 14, true)
      expect(freeOffset(full, 256, 14 / 16), 'the number behind 15').toBe(0)
    },
  )

  lesson(
    'gives every number once, the lower ones last, and then none',
    {
      scenario: 'A range of 100 is emptied at random.',
      rule: 'No number twice, none left out, nothing beyond the size; the 16 of the band come last.',
      source: `${BITMAP}; KEP-3070`,
    },
    (context) => {
      const random = randomFor(context)
      let bitmap: Uint8Array = new Uint8Array(13)
      const given: number[] = []
      for (let offset = freeOffset(bitmap, 100, random.next()); offset !== undefined && given.length < 200; ) {
        given.push(offset)
        bitmap = withOffset(bitmap, offset, true)
        offset = freeOffset(bitmap, 100, random.next())
      }
      expect(
        [...given].sort((a, b) => a - b),
        'all that were given',
      ).toEqual(Array.from({ length: 100 }, (_, i) => i))
      expect(
        [...given.slice(84)].sort((a, b) => a - b),
        'the last sixteen',
      ).toEqual(Array.from({ length: 16 }, (_, i) => i))
    },
  )
})
