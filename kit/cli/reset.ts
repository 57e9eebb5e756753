/** `npm run reset 3`: the lab's files as they were at first. The learner's version is kept, and it says where. */
import { parseArgs } from 'node:util'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { selectLab } from '../labs/selection.ts'
import { compareStubs, generateStubTree, keepCopies, writeStubs } from '../stubs/stub-tree.ts'
import { UsageError } from './usage-error.ts'

export async function main(args: string[]): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  const { lab, step } = selectLab(readCatalog(), positionals[0], 'reset')
  if (step) throw new UsageError(`Whole labs are reset, since steps share files: npm run reset ${lab.number}`)

  const tree = generateStubTree(root, lab.name)
  const { edited, outdated } = compareStubs(root, tree)
  if (edited.length === 0 && outdated.length === 0) {
    console.log(`Lab ${lab.number} is as it was at first; nothing to reset.`)
    return 0
  }
  if (edited.length > 0) {
    const folder = keepCopies(root, lab.name, edited)
    console.log(`Kept your version of ${edited.join(', ')}\nin ${folder}/`)
    console.log(`To take it back: cp -r ${folder}/. labs/${lab.name}/src/`)
  }
  writeStubs(root, tree, [])
  console.log(`Lab ${lab.number} (${lab.title}) is as it was at first. Begin with: npm run lab ${lab.number}.1`)
  return 0
}
