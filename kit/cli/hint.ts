/**
 * `npm run hint 3.2 [-- --again]`: a nudge; called again, the idea; called again, nearly the code.
 *
 * `--again` begins anew with the nudge.
 */
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
  const again = values.again || process.env.npm_config_again === 'true'
  console.log(`\n${nextHint(repositoryRoot, lab, step, again).join('\n')}`)
  return 0
}
