/**
 * `npm run stubs [-- 3 4] [--check] [--force]`: writes the stubs of the labs and the code in their guides, from the solutions.
 *
 * `--check` only says what would change. `--force` overwrites edited stubs too, and keeps a copy of them.
 */
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../labs/catalog.ts'
import { runStubs } from '../stubs/command.ts'
import { labNames } from '../stubs/stub-tree.ts'
import { UsageError } from './usage-error.ts'

export function main(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { check: { type: 'boolean', default: false }, force: { type: 'boolean', default: false } },
  })
  const known = labNames(repositoryRoot).map((name) => Number(name.slice(0, 2)))
  const labs = positionals.map(Number)
  const unknown = positionals.find((_, index) => !known.includes(labs[index]!))
  if (unknown) throw new UsageError(`There is no lab "${unknown}". Labs are ${known.join(', ')}.`)

  const { ok, lines } = runStubs(repositoryRoot, { labs, check: values.check, force: values.force })
  for (const line of lines) console.log(line)
  return ok ? 0 : 1
}
