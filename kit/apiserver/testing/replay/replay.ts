/**
 * Plays a recorded situation to our server: each write of upstream's controllers as they sent it, in the order of the
 * recording, between the steps of the user and what kubelets and the scheduler did.
 */
import type { ApiObject } from '../../../api/objects.ts'
import type { Outcome } from './compare.ts'
import { createNode, followState } from './node-steps.ts'
import { type Body, createdIn, type RecordedWrite, type Situation } from './recording.ts'
import { takeStep } from './user-steps.ts'
import type { Answer, World } from './world.ts'

export async function replay(world: World, situation: Situation): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const names = newNames(situation)
  for (const object of createdIn(situation)) world.recordedObjects.add(object)
  const happenings = [
    ...situation.steps.map((step) => ({ t: step.t, run: () => checkStep(world, situation, step, outcomes) })),
    ...situation.writes.map((write) => ({
      t: write.t,
      run: () => checkWrite(world, situation, write, names, outcomes),
    })),
    ...situation.states.map((state) => ({ t: state.t, run: () => followState(world, state) })),
  ]
  for (const { run } of happenings.sort((a, b) => a.t - b.t)) await run()
  return outcomes
}

/** With what controllers make in every namespace, unless that is just what was recorded. */
export async function newNamespace(world: World, name: string, group: readonly Situation[]): Promise<void> {
  world.enter(name)
  const isRecorded = group[0]?.steps.some(({ cmd }) => cmd.startsWith('kubectl create namespace'))
  if (isRecorded) return
  const create = (path: string, body: object) => world.send({ method: 'POST', path, as: 'admin', body })
  await create('/api/v1/namespaces', { metadata: { name } })
  await create(`/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } })
  await create(`/api/v1/namespaces/${name}/configmaps`, { metadata: { name: 'kube-root-ca.crt' } })
}

async function checkStep(
  world: World,
  { scenario }: Situation,
  step: Situation['steps'][number],
  outcomes: Outcome[],
): Promise<void> {
  const answer = await takeStep(world, step)
  if (step.responseStatus) {
    outcomes.push({ scenario, what: step.cmd, expected: `${step.responseStatus}`, got: `${answer?.status}` })
  }
  if (step.error) {
    outcomes.push({
      scenario,
      what: step.cmd,
      expected: world.translate(String(step.error)),
      got: `${answer?.body.message}`,
    })
  }
}

async function checkWrite(
  world: World,
  { scenario }: Situation,
  write: RecordedWrite,
  names: string[],
  outcomes: Outcome[],
): Promise<void> {
  const { method, contentType, status, error } = write
  const path = world.translate(write.url)
  const objectPath = pathOfObject(path)
  const target = method === 'POST' ? undefined : await targetOf(world, objectPath)
  const isRefusal = status >= 400
  const what = `${write.controller} ${method} ${write.url}`
  const wasThere = !isRefusal || status === 409
  if (!target && method !== 'POST' && wasThere && !isCollection(objectPath)) {
    world.hasGap = true
    outcomes.push({ scenario, what, expected: '', got: '', unknownTarget: true })
    return
  }
  const isStale = status === 409 && /has been modified/.test(error?.message ?? '')
  const version = isStale ? '1' : (target?.metadata?.resourceVersion ?? '')
  const translated = world.translate(write.body)
  const body = (await world.resolve(whole(translated, target), target, version)) as Body
  const answer = await world.send({ method, path, as: write.controller, body, ...(contentType && { contentType }) })
  if (method === 'POST' && answer.status === 201) learnGeneratedName(world, write.body as ApiObject, answer, names)
  outcomes.push({
    scenario,
    what,
    expected: shown(status, world.translate(error ?? {})),
    got: shown(answer.status, answer.body),
  })
}

/** Status, reason and words; names that servers make up are never the same. */
function shown(status: number, said: { reason?: string; message?: string } | undefined): string {
  if (status < 400) return String(status)
  return `${status} ${said?.reason}: ${said?.message}`.replace(/-[a-z0-9]{5}(?=")/g, '-?????')
}

async function targetOf(world: World, path: string): Promise<ApiObject | undefined> {
  const found = await world.current(path)
  const [, node] = /^\/api\/v1\/nodes\/([^/]+)$/.exec(path) ?? []
  if (found || !node) return found
  await createNode(world, node)
  return world.current(path)
}

/** "/api/v1/namespaces/NS/pods" */
function isCollection(path: string): boolean {
  return /^\/(api|apis\/[^/]+)\/[^/]+\/(namespaces\/[^/]+\/)?[^/]+$/.test(path) && !/\/namespaces\/[^/]+$/.test(path)
}

/** Without subresource and query. */
function pathOfObject(url: string): string {
  const [path = ''] = url.split('?')
  return path.replace(/\/(status|finalize|scale|approval)$/, '')
}

/** What the recorder left out of a body is what the object already says. */
function whole(body: Body, target: ApiObject | undefined): Body {
  const { _specOmitted: specOmitted, ...sent } = body
  const metadata = { ...target?.metadata, ...(sent.metadata as object) }
  if (specOmitted) return { ...target, ...sent, metadata }
  const spec = sent.spec as { template?: { _specOmitted?: boolean } } | undefined
  if (spec?.template?._specOmitted) {
    return { ...sent, spec: { ...spec, template: (target?.spec as typeof spec)?.template } }
  }
  if ((sent.data as Body | undefined)?._) return { ...sent, data: target?.data }
  return sent
}

/** Names of the recording that its server made up, in the order in which they came up. */
function newNames({ states, writes, final }: Situation): string[] {
  const added = states.filter(({ type }) => type === 'ADDED').map(({ object }) => object.split('/')[1] ?? '')
  const written = writes.map(({ url }) => pathOfObject(url).split('/').at(-1) ?? '')
  const last = final.map((object) => String(object.name ?? (object as ApiObject).metadata?.name))
  return [...new Set([...added, ...written, ...last])]
}

function learnGeneratedName(world: World, { kind, metadata }: ApiObject, answer: Answer, names: string[]): void {
  const prefix = metadata?.generateName
  if (!prefix || metadata.name || !kind) return
  const recorded = names.find(
    (name) => name.startsWith(prefix) && /^[a-z0-9]{5}$/.test(name.slice(prefix.length)) && !world.knows(name),
  )
  if (recorded) world.learnName(recorded, answer.body.metadata?.name ?? '')
}
