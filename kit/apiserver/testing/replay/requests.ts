/** The few requests of which all steps are made. */
import type { ApiObject } from '../../../api/objects.ts'
import { itemsOf } from './recording.ts'
import { type Answer, collectionPath, resourceNamed, type World } from './world.ts'

export const MERGE = 'application/merge-patch+json'
export const STRATEGIC = 'application/strategic-merge-patch+json'

export async function createAll(world: World, manifest: ApiObject): Promise<Answer | undefined> {
  let answer: Answer | undefined
  for (const item of itemsOf(manifest)) {
    const body = { apiVersion: 'v1', ...((await world.resolve(item, undefined, '')) as ApiObject) }
    const path = `${collectionPath(body, world.namespace)}?fieldManager=kubectl-create&fieldValidation=Strict`
    answer = await world.send({ method: 'POST', path, as: 'admin', body })
  }
  return answer
}

/** @param words "rs/rs", or "pod" and "web" */
function targetOf(world: World, [first = '', second = '']: readonly string[]) {
  const [kind = '', name = second] = first.split('/')
  return world.pathOf(resourceNamed(kind), name)
}

export function patch(world: World, words: readonly string[], body: unknown, contentType: string, subresource = '') {
  const path = targetOf(world, words) + subresource
  return world.send({ method: 'PATCH', path, as: 'admin', body, contentType })
}
