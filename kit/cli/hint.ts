/** `npm run hint 3.2 [-- --again]` */
import { parseArgs } from 'node:util'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'
import { nextHint } from '../labs/hints.ts'
import { selectStep } from '../labs/selection.ts'

export function main(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { again: { type: 'boolean', default: false } },
  })
  const { lab, step } = selectStep(readCatalog(), positionals[0], 'hint')
  console.log(`\n${nextHint(repositoryRoot, lab, step, values.again).join('\n')}`)
  return 0
}
