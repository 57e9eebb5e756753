/** `npm run solution 3.2`: the solution of a step's parts, each below the learner's own, and the helpers that it uses. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { readParts } from '../labs/parts.ts'
import { selectStep } from '../labs/selection.ts'
import { helpersOf, type Passage, passageOf } from '../stubs/solution-text.ts'
import { listFiles } from '../stubs/stub-tree.ts'
import { wrapCode } from './terminal/code.ts'
import { indent, pageWidth } from './terminal/layout.ts'
import { createPaint, wantsColours } from './terminal/paint.ts'

export function main(args: string[]): number {
  const { lab, step } = selectStep(readCatalog(), args[0], 'solution')
  const paint = createPaint(wantsColours(process.stdout))
  const width = pageWidth(process.stdout)
  const files = readSolution(lab.name)
  const shown: Passage[] = []
  const lines = ['', `  ${paint.strong(`${step.id}  ${step.title}`)}`, '']
  const heading = (symbol: string, remark = '') =>
    lines.push(paint.quiet('─'.repeat(width)), `  ${paint.strong(symbol)}${remark}`, '')
  const code = ({ text }: Passage) => lines.push('', ...indent(wrapCode(text, width - 4), 4), '')

  for (const { symbol, file, written } of readParts(root, lab, step)) {
    const path = file.replace(`labs/${lab.name}/src/`, `solutions/${lab.name}/`)
    const yours = existsSync(join(root, file)) ? passageOf(file, readText(file), symbol) : undefined
    const ours = passageOf(path, files.get(path) ?? '', symbol)
    if (ours) shown.push(ours)
    heading(symbol)
    if (yours && yours.text === ours?.text) {
      lines.push(`  ${paint.good('Yours is the same.')}`, '')
      continue
    }
    lines.push(`  ${paint.open('Yours')}     ${paint.link(file)}${written ? '' : ': not written yet'}`)
    if (!written) lines.push('')
    else if (yours) code(yours)
    else lines.push('', '    (it is not there)', '')
    lines.push(`  ${paint.good('Solution')}  ${paint.link(path)}`)
    if (ours) code(ours)
  }
  for (const helper of helpersOf(shown, files)) {
    heading(helper.symbol, '   a helper of the solution, which your file need not have')
    lines.push(`  ${paint.good('Solution')}  ${paint.link(helper.path)}`)
    code(helper)
  }
  lines.push(`  ${paint.quiet('There are other right ways: the tests judge what it does, not how it reads.')}`, '')
  console.log(lines.join('\n'))
  return 0
}

/** By path from the repository's root. */
function readSolution(lab: string): Map<string, string> {
  const paths = listFiles(join(root, 'solutions', lab)).filter((path) => path.endsWith('.ts'))
  return new Map(paths.map((path) => [`solutions/${lab}/${path}`, readText(`solutions/${lab}/${path}`)]))
}

function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
}
