/**
 * A rollout's steps as writes: create the new ReplicaSet, bring existing ones to their size and annotations. Given.
 *
 * Source: kubernetes `pkg/controller/deployment/sync.go` (getNewReplicaSet, scaleReplicaSet).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Deployment, ReplicaSet, Stored } from '#kit/api/objects.ts'
import type { Action, CreateAction, EventNote } from '#kit/contracts/controllers.ts'
import { controllerReference } from '../claims.ts'
import { revisionAnnotations, sizeAnnotations } from './revisions.ts'
import { allReplicaSets, POD_TEMPLATE_HASH, type Rollout, type RolloutStep, replicasOf } from './rollout.ts'
import { podTemplateHash } from './template-hash.ts'

/** The name that the new ReplicaSet has or will have. */
export function newReplicaSetName({ metadata, spec, status }: Stored<Deployment>): string {
  return `${metadata.name}-${podTemplateHash(spec?.template ?? {}, status?.collisionCount)}`
}

/** The creation of the ReplicaSet with the Deployment's template. Its selector and labels carry the template's hash. */
export function createReplicaSet(rollout: Rollout, replicas: number): CreateAction {
  const { deployment, oldReplicaSets } = rollout
  const { metadata, spec } = deployment
  const name = newReplicaSetName(deployment)
  const hash = { [POD_TEMPLATE_HASH]: name.slice(metadata.name.length + 1) }
  const templateLabels = { ...spec?.template?.metadata?.labels, ...hash }
  const object: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      ...(metadata.namespace && { namespace: metadata.namespace }),
      labels: templateLabels,
      annotations: { ...revisionAnnotations(deployment, undefined, oldReplicaSets), ...sizeAnnotations(deployment) },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(spec?.minReadySeconds && { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec?.selector, matchLabels: { ...spec?.selector?.matchLabels, ...hash } },
      template: { ...spec?.template, metadata: { ...spec?.template?.metadata, labels: templateLabels } },
    },
  }
  const scaled = scalingNote(deployment, name, 0, replicas)
  return { do: 'create', resource: 'replicaSets', object, ...(scaled && { onSuccess: scaled }) }
}

/** One update for each ReplicaSet whose size, annotations or minReadySeconds are not as they should be. */
export function updateReplicaSets(rollout: Rollout, { scaleTo }: RolloutStep): Action[] {
  const { deployment } = rollout
  return allReplicaSets(rollout).flatMap((replicaSet): Action[] => {
    const { name } = replicaSet.metadata
    const isNew = replicaSet === rollout.newReplicaSet
    const size = scaleTo[name]
    const annotations = {
      ...(isNew
        ? revisionAnnotations(deployment, replicaSet, rollout.oldReplicaSets)
        : replicaSet.metadata.annotations),
      ...(size !== undefined && sizeAnnotations(deployment)),
    }
    const object: Stored<ReplicaSet> = {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, annotations },
      spec: {
        ...replicaSet.spec!,
        ...(size !== undefined && { replicas: size }),
        ...(isNew && deployment.spec?.minReadySeconds && { minReadySeconds: deployment.spec.minReadySeconds }),
      },
    }
    if (
      isDeepStrictEqual(object, {
        ...replicaSet,
        metadata: { ...replicaSet.metadata, annotations: replicaSet.metadata.annotations ?? {} },
      })
    )
      return []
    const scaled = size === undefined ? undefined : scalingNote(deployment, name, replicasOf(replicaSet), size)
    return [{ do: 'update', resource: 'replicaSets', object, ...(scaled && { onSuccess: scaled }) }]
  })
}

function scalingNote(deployment: Stored<Deployment>, name: string, from: number, to: number): EventNote | undefined {
  if (from === to) return undefined
  const message = `Scaled ${from < to ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`
  return { about: deployment, type: 'Normal', reason: 'ScalingReplicaSet', message }
}
