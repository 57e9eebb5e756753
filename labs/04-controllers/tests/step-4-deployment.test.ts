/** Step 4.4: a Deployment finds or makes its ReplicaSet, numbers its revisions, and replaces all pods at once. */
import { describe, expect } from 'vitest'
import { reconcileDeployment } from '#controllers/deployment/reconcile.ts'
import { recreateStep } from '#controllers/deployment/recreate.ts'
import { revisionAnnotations } from '#controllers/deployment/revisions.ts'
import { findNewReplicaSet } from '#controllers/deployment/rollout.ts'
import { podTemplateHash } from '#controllers/deployment/template-hash.ts'
import type { ReplicaSet, Stored } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, controlledBy, deployment, NOW_MS, pod, replicaSet, template } from './support/objects.ts'

const REVISION = 'deployment.kubernetes.io/revision'
const HISTORY = 'deployment.kubernetes.io/revision-history'

/** A ReplicaSet as the Deployment makes it: its template carries the hash label. */
const made = (
  name: string,
  image: string,
  replicas = 0,
  annotations: Record<string, string> = {},
): Stored<ReplicaSet> => {
  const hash = { 'pod-template-hash': name }
  const labelled = { ...template(image), metadata: { labels: { app: 'web', ...hash } } }
  const spec = { replicas, selector: { matchLabels: { app: 'web', ...hash } }, template: labelled }
  const metadata = { ...controlledBy(deployment({})), labels: { app: 'web', ...hash }, annotations }
  return replicaSet(name, replicas, {
    spec,
    metadata,
    status: { replicas, readyReplicas: replicas, availableReplicas: replicas },
  })
}
const podOf = (owner: Stored<ReplicaSet>, name: string, traits: Parameters<typeof pod>[1] = {}) =>
  pod(name, { readyFor: 60, ...traits, metadata: { ...controlledBy(owner), ...traits.metadata } })

describe('the hash of a template', () => {
  lesson(
    'is the same for the same template, in whatever order its fields are',
    {
      scenario: 'Two templates that differ only in the order in which their fields were written.',
      rule: 'The name of the ReplicaSet must not depend on who serialised the template.',
      source: 'kubernetes pkg/controller/controller_utils.go: ComputeHash',
    },
    () => {
      const one = {
        metadata: { labels: { app: 'web', tier: 'front' } },
        spec: { containers: [{ name: 'main', image: 'web:1' }] },
      }
      const other = {
        spec: { containers: [{ image: 'web:1', name: 'main' }] },
        metadata: { labels: { tier: 'front', app: 'web' } },
      }
      expect(podTemplateHash(one)).toBe(podTemplateHash(other))
    },
  )

  lesson(
    'is another for another template, and another after a collision',
    {
      scenario: 'Templates with a hundred different images, and one with collision counts 0 to 4.',
      rule: 'Different templates get different names; the collision count makes a new name for a template whose name is taken.',
      source: 'kubernetes pkg/controller/deployment/sync.go: collisionCount',
    },
    () => {
      const images = Array.from({ length: 100 }, (_, count) => podTemplateHash(template(`web:${count}`)))
      expect(new Set(images).size).toBe(100)
      const counts = [0, 1, 2, 3, 4].map((count) => podTemplateHash(template(), count))
      expect(new Set(counts).size).toBe(5)
      expect(podTemplateHash(template(), 0)).toBe(podTemplateHash(template()))
    },
  )

  lesson(
    'can be a label and part of a name',
    {
      scenario: 'The hashes of a hundred templates.',
      rule: 'At most ten characters, of an alphabet without vowels.',
      source: 'apimachinery util/rand: SafeEncodeString',
    },
    () => {
      for (let count = 0; count < 100; count++) {
        expect(podTemplateHash(template(`web:${count}`))).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
      }
    },
  )
})

describe('finding the new ReplicaSet', () => {
  lesson(
    'compares templates without their hash label',
    {
      scenario: 'ReplicaSets of web:1 and web:2; the Deployment says web:2.',
      rule: "The label pod-template-hash is the controller's own addition and no difference.",
      source: 'kubernetes deployment_util.go: EqualIgnoreHash',
    },
    () => {
      const sets = [made('web-a', 'web:1'), made('web-b', 'web:2')]
      expect(findNewReplicaSet(deployment({ template: template('web:2') }), sets)?.metadata.name).toBe('web-b')
      expect(findNewReplicaSet(deployment({ template: template('web:3') }), sets)).toBeUndefined()
    },
  )

  lesson(
    'sees every other difference',
    {
      scenario: 'A template whose only difference is an annotation (as `kubectl rollout restart` sets), or a label.',
      rule: 'Any change of the template is a new revision.',
      source: 'recording deployment-rollout-restart',
    },
    () => {
      const sets = [made('web-a', 'web:1')]
      const restarted = {
        ...template(),
        metadata: { labels: { app: 'web' }, annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } },
      }
      const relabelled = { ...template(), metadata: { labels: { app: 'web', tier: 'front' } } }
      expect(findNewReplicaSet(deployment({ template: restarted }), sets)).toBeUndefined()
      expect(findNewReplicaSet(deployment({ template: relabelled }), sets)).toBeUndefined()
    },
  )

  lesson(
    'takes the oldest of several, every time',
    {
      scenario: 'Two ReplicaSets have the wanted template; the older one is listed last.',
      rule: 'Every look must choose the same one, or the rollout never ends.',
      source: 'kubernetes deployment_util.go: FindNewReplicaSet',
    },
    () => {
      const younger = made('web-a', 'web:1')
      const older = made('web-b', 'web:1')
      const sets = [{ ...younger, metadata: { ...younger.metadata, creationTimestamp: ago(10) } }, older]
      expect(findNewReplicaSet(deployment({}), sets)?.metadata.name).toBe('web-b')
    },
  )
})

describe('revisions', () => {
  lesson(
    'count up',
    {
      scenario: 'The first ReplicaSet of a Deployment; then a new one besides old ones of revision 2 and 5.',
      rule: 'The new template is one more than the highest of the old.',
      source: 'kubernetes deployment_util.go: MaxRevision',
    },
    () => {
      expect(revisionAnnotations(deployment({}), undefined, [])).toEqual({ [REVISION]: '1' })
      const old = [made('web-a', 'web:1', 0, { [REVISION]: '2' }), made('web-b', 'web:2', 0, { [REVISION]: '5' })]
      expect(revisionAnnotations(deployment({}), undefined, old)).toEqual({ [REVISION]: '6' })
    },
  )

  lesson(
    'stay as they are while the ReplicaSet is the newest',
    {
      scenario: 'The new ReplicaSet has revision 3, the old one 2.',
      rule: 'A look that changes nothing writes nothing.',
      source: 'kubernetes deployment_util.go: SetNewReplicaSetAnnotations',
    },
    () => {
      const now = made('web-b', 'web:2', 1, { [REVISION]: '3', [HISTORY]: '1' })
      const old = [made('web-a', 'web:1', 0, { [REVISION]: '2' })]
      expect(revisionAnnotations(deployment({}), now, old)).toEqual({ [REVISION]: '3', [HISTORY]: '1' })
    },
  )

  lesson(
    'remember what they were, when an old template comes back',
    {
      scenario:
        'The ReplicaSet of revision 1 becomes the new one again (undo); later the same happens to it as revision 3.',
      rule: 'It becomes the highest revision; its former numbers are kept in revision-history.',
      source: 'recording deployment-rollback-undo',
    },
    () => {
      const old = [made('web-b', 'web:2', 2, { [REVISION]: '2' })]
      const undone = revisionAnnotations(deployment({}), made('web-a', 'web:1', 0, { [REVISION]: '1' }), old)
      expect(undone).toEqual({ [REVISION]: '3', [HISTORY]: '1' })
      const later = [made('web-b', 'web:2', 2, { [REVISION]: '4' })]
      expect(revisionAnnotations(deployment({}), made('web-a', 'web:1', 0, undone), later)).toEqual({
        [REVISION]: '5',
        [HISTORY]: '1,3',
      })
    },
  )

  lesson(
    "go along with the Deployment's annotations, but not all of them",
    {
      scenario: 'The Deployment has a change-cause, a last-applied-configuration and its own revision.',
      rule: '`kubectl rollout history` reads the change-cause from the ReplicaSet; what is about the Deployment itself stays there.',
      source: 'kubernetes deployment_util.go: annotationsToSkip',
    },
    () => {
      const annotations = {
        'kubernetes.io/change-cause': 'web:2',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
        [REVISION]: '7',
      }
      expect(revisionAnnotations(deployment({}, { metadata: { annotations } }), undefined, [])).toEqual({
        'kubernetes.io/change-cause': 'web:2',
        [REVISION]: '1',
      })
    },
  )
})

describe('Recreate', () => {
  const wanted = deployment({ replicas: 3, strategy: { type: 'Recreate' }, template: template('web:2') })
  const old = made('web-a', 'web:1', 3)
  const gone = made('web-a', 'web:1', 0)

  lesson(
    'first takes all old pods away',
    {
      scenario: 'An old ReplicaSet with 3 replicas; the new one does not exist.',
      rule: 'Down to 0 before anything new.',
      source: 'kubernetes pkg/controller/deployment/recreate.go; recording deployment-recreate-3',
    },
    () => {
      const step = recreateStep({ deployment: wanted, oldReplicaSets: [old] }, [podOf(old, 'a')])
      expect(step).toEqual({ scaleTo: { 'web-a': 0 } })
    },
  )

  lesson(
    'then waits until the last of them has stopped',
    {
      scenario: 'The old ReplicaSet is at 0; one of its pods is still terminating. Then that pod has failed.',
      rule: 'A terminating pod still runs. A finished one does not.',
      source: 'kubernetes pkg/controller/deployment/recreate.go: oldPodsRunning',
    },
    () => {
      const terminating = podOf(gone, 'a', { metadata: { deletionTimestamp: ago(1) } })
      expect(recreateStep({ deployment: wanted, oldReplicaSets: [gone] }, [terminating])).toEqual({ scaleTo: {} })
      const finished = podOf(gone, 'a', { phase: 'Failed' })
      expect(recreateStep({ deployment: wanted, oldReplicaSets: [gone] }, [finished])).toEqual({
        createWith: 3,
        scaleTo: {},
      })
    },
  )

  lesson(
    'then brings the new ones',
    {
      scenario:
        'All old pods are gone; the new ReplicaSet does not exist, exists with 0, or exists with 3 replicas and their pods.',
      rule: 'Created or scaled to the wanted size; its own pods are no reason to wait.',
      source: 'kubernetes pkg/controller/deployment/recreate.go: scaleUpNewReplicaSetForRecreate',
    },
    () => {
      expect(recreateStep({ deployment: wanted, oldReplicaSets: [gone] }, [])).toEqual({ createWith: 3, scaleTo: {} })
      const empty = made('web-b', 'web:2', 0)
      expect(recreateStep({ deployment: wanted, newReplicaSet: empty, oldReplicaSets: [gone] }, [])).toEqual({
        scaleTo: { 'web-b': 3 },
      })
      const full = made('web-b', 'web:2', 3)
      const step = recreateStep({ deployment: wanted, newReplicaSet: full, oldReplicaSets: [gone] }, [podOf(full, 'n')])
      expect(step).toEqual({ scaleTo: {} })
    },
  )
})

lesson(
  'a name that is taken makes the Deployment choose another',
  {
    scenario: 'A ReplicaSet with the name that the new one would have belongs to somebody else.',
    rule: 'The collision count in the status is raised, which changes the hash; nothing is created in this look.',
    source: 'kubernetes pkg/controller/deployment/sync.go: getNewReplicaSet, AlreadyExists',
  },
  () => {
    const ours = deployment({ replicas: 1, strategy: { type: 'Recreate' } })
    const taken = replicaSet(`web-${podTemplateHash(template())}`, 1, {
      metadata: controlledBy(replicaSet('stranger', 1)),
    })
    const world = { deployment: ours, replicaSets: [taken], pods: [], nowMs: NOW_MS }
    const { actions } = reconcileDeployment(world)
    expect(actions).toMatchObject([{ do: 'update', subresource: 'status', object: { status: { collisionCount: 1 } } }])
  },
)
