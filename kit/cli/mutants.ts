/**
 * `node kit/cli/start.mjs mutants [3 | 3.2 | a name] [--json]`: is every wrong solution caught by its step's tests?
 *
 * For those who write labs; `npm test` runs it as well.
 */
import { parseArgs } from 'node:util'
import { readMutants } from '../gate/mutants.ts'
import { type MutantResult, runMutants, testsFor } from '../gate/run-mutants.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  })

  const all = readCatalog()
  const labs = all.filter(
    ({ number }) =>
      positionals.every((word) => !/^\d/.test(word)) ||
      positionals.some((word) => word.split('.')[0] === String(number)),
  )
  const { mutants, problems } = readMutants(repositoryRoot, labs)
  const chosen = mutants.filter(
    ({ lab, step, name }) =>
      positionals.length === 0 || positionals.some((word) => [String(lab.number), step.id, name].includes(word)),
  )
  const results: MutantResult[] = []
  const say = (line: string) => {
    if (!values.json) console.log(line)
  }
  for (const problem of problems) say(`malformed  ${problem}`)
  for (const mutant of chosen.filter((each) => testsFor(each).length === 0)) {
    problems.push(`${mutant.step.id} ${mutant.name}: its step has only docker and wire tests`)
  }
  const runnable = chosen.filter((mutant) => testsFor(mutant).length > 0)
  if (runnable.length > 0) {
    await runMutants(repositoryRoot, runnable, (result) => {
      results.push(result)
      const { step, name } = result.mutant
      if (values.json)
        console.log(JSON.stringify({ step: step.id, name, verdict: result.verdict, detail: result.detail }))
      else say(`${result.verdict.padEnd(10)} ${step.id.padEnd(5)} ${name}: ${result.detail}`)
    })
  }
  const caught = results.filter((result) => result.verdict === 'caught').length
  say(`${caught} of ${chosen.length} mutants caught`)
  return caught === chosen.length && problems.length === 0 ? 0 : 1
}
