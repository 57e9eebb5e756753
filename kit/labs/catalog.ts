/**
 * The labs and their steps, read from `labs/NN/lab.yaml`: the one place that says what exists.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { anchorOf } from './anchors.ts'

export interface Step {
  /** `3.2` */
  readonly id: string
  readonly title: string
  readonly points: number
  /** Goes deeper, and is optional. */
  readonly star: boolean
  /** What the learner edits, under `labs/NN/src`. */
  readonly files: readonly string[]
  /** Under `labs/NN`. */
  readonly tests: readonly string[]
  /** A nudge, the idea, nearly the code. */
  readonly hints: readonly string[]
}

export interface Lab {
  readonly number: number
  /** `03-scheduler`, the folder's name in labs/ and solutions/. */
  readonly name: string
  readonly title: string
  readonly steps: readonly Step[]
}

/** The folder that holds labs/, solutions/ and kit/. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')

/** All labs that have a lab.yaml, in order. Throws, naming file and field, when one is malformed. */
export function readCatalog(root = repositoryRoot): Lab[] {
  return readdirSync(join(root, 'labs'))
    .filter((name) => /^\d\d-/.test(name) && existsSync(join(root, 'labs', name, 'lab.yaml')))
    .sort()
    .map((name) => parseLab(name, readFileSync(join(root, 'labs', name, 'lab.yaml'), 'utf8')))
}

/** @param name the lab's folder, `03-scheduler` */
export function parseLab(name: string, yaml: string): Lab {
  const wrong = (what: string) => new Error(`labs/${name}/lab.yaml: ${what}`)
  let parsed: unknown
  try {
    parsed = parse(yaml)
  } catch (error) {
    throw wrong((error as Error).message)
  }
  const raw = record(parsed, () => wrong('must be a mapping'))
  const number = raw.number
  if (number !== Number(name.slice(0, 2))) throw wrong(`number must be ${Number(name.slice(0, 2))}`)
  if (typeof raw.title !== 'string') throw wrong('title is missing')
  if (!Array.isArray(raw.steps) || raw.steps.length === 0) throw wrong('steps are missing')
  const steps = raw.steps.map((item): Step => {
    const step = record(item, () => wrong('every step must be a mapping'))
    const id = step.id
    if (typeof id !== 'string' || !id.startsWith(`${number}.`)) {
      throw wrong(`id ${JSON.stringify(id)} must be a quoted string such as "${number}.1"`)
    }
    const strings = (field: string) => {
      const value = step[field]
      if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value as string[]
      throw wrong(`step ${id}: ${field} must be a list of strings`)
    }
    if (typeof step.title !== 'string') throw wrong(`step ${id}: title is missing`)
    if (typeof step.points !== 'number' || !(step.points > 0)) throw wrong(`step ${id}: points must be a number`)
    return {
      id,
      title: step.title,
      points: step.points,
      star: step.star === true,
      files: strings('files'),
      tests: strings('tests'),
      hints: strings('hints').map((hint) => hint.trim()),
    }
  })
  return { number, name, title: raw.title, steps }
}

/** The step's part of the guide, as a link that GitHub understands: `labs/03-scheduler/README.md#33-resources`. */
export function guideSection(lab: Lab, step: Step): string {
  const heading = `${step.id} ${step.title}${step.star ? ' ★' : ''}`
  return `labs/${lab.name}/README.md#${anchorOf(heading)}`
}

function record(value: unknown, wrong: () => Error): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong()
  return value as Record<string, unknown>
}
