/**
 * Mutants: plausible wrong solutions, kept as small find-and-replace entries in `checker/mutants/NN-name.yaml`. A step's
 * tests must catch every one of its mutants; a test that passes wrong code is a defect.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { parse } from 'yaml'
import type { Lab, Step } from '../labs/catalog.ts'

export interface Mutant {
  readonly lab: Lab
  readonly step: Step
  readonly name: string
  /** The classic mistake, in a sentence. */
  readonly mistake: string
  /** The mistake makes something wait forever, so that a test's timeout is what catches it. */
  readonly hangs: boolean
  /** From the root: `solutions/03-scheduler/filters/resources.ts`. */
  readonly file: string
  /** The whole file with the mistake in it. */
  readonly source: string
}

/** Reads all mutants. What is malformed is returned as problems, so that all of them can be told at once. */
export function readMutants(root: string, labs: readonly Lab[]): { mutants: Mutant[]; problems: string[] } {
  const mutants: Mutant[] = []
  const problems: string[] = []
  const folder = join(root, 'checker', 'mutants')
  for (const lab of labs) {
    const path = join(folder, `${lab.name}.yaml`)
    const about = (error: unknown) => `checker/mutants/${lab.name}.yaml: ${(error as Error).message}`
    let entries: unknown
    try {
      entries = existsSync(path) ? parse(readFileSync(path, 'utf8')) : []
    } catch (error) {
      problems.push(about(error))
    }
    for (const entry of Array.isArray(entries) ? entries : []) {
      try {
        mutants.push(readMutant(root, lab, entry))
      } catch (error) {
        problems.push(about(error))
      }
    }
  }
  const stray = existsSync(folder)
    ? readdirSync(folder).filter((name) => !existsSync(join(root, 'labs', name.replace(/\.yaml$/, ''))))
    : []
  problems.push(...stray.map((name) => `checker/mutants/${name} belongs to no lab`))
  return { mutants, problems }
}

function readMutant(root: string, lab: Lab, entry: Record<string, unknown>): Mutant {
  for (const field of ['step', 'name', 'mistake', 'file', 'find', 'replace']) {
    if (typeof entry[field] !== 'string') throw new Error(`"${entry.name}": ${field} must be a string`)
  }
  const { step: id, name, mistake, file, find, replace } = entry as Record<string, string>
  const step = lab.steps.find((each) => each.id === id)
  if (!step) throw new Error(`"${name}": there is no step ${id}`)
  const path = `solutions/${lab.name}/${file}`
  if (!existsSync(join(root, path))) throw new Error(`"${name}": there is no file ${path}`)
  const original = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
  const needle = find!.replace(/\n$/, '')
  const parts = original.split(needle)
  if (parts.length !== 2) {
    throw new Error(`"${name}": its text occurs ${parts.length - 1} times in ${path}, it must be exactly once`)
  }
  const source = parts.join(replace!.replace(/\n$/, ''))
  const failure = parseSync(path, source).errors[0]
  if (failure) throw new Error(`"${name}": does not parse: ${failure.message}`)
  return { lab, step, name: name!, mistake: mistake!, hangs: entry.hangs === true, file: path, source }
}
