/** `npm run solution 3.2`: the solution of a step's parts, each below the learner's own. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { selectStep } from '../labs/selection.ts'
import { parseFile } from '../stubs/declarations.ts'
import { generateStubTree } from '../stubs/stub-tree.ts'
import { indent, PAGE_WIDTH } from './terminal/layout.ts'
import { createPaint, wantsColours } from './terminal/paint.ts'

export function main(args: string[]): number {
  const { lab, step } = selectStep(readCatalog(), args[0], 'solution')
  const paint = createPaint(wantsColours(process.stdout))
  const lines = ['', `  ${paint.strong(`${step.id}  ${step.title}`)}`, '']
  const tasks = generateStubTree(root, lab.name).tasks.filter((task) => task.step === step.id)
  for (const { symbol, file } of tasks) {
    const solution = file.replace(`labs/${lab.name}/src/`, `solutions/${lab.name}/`)
    const [yours, ours] = [readSymbol(file, symbol), readSymbol(solution, symbol)]
    const same = yours !== undefined && yours === ours
    lines.push(paint.quiet('─'.repeat(PAGE_WIDTH)), `  ${paint.strong(symbol)}`, '')
    if (same) lines.push(`  ${paint.good('Yours is the same.')}`, '')
    else
      lines.push(
        `  ${paint.open('Yours')}     ${paint.link(file)}`,
        '',
        ...indent((yours ?? '(it is not there)').split('\n'), 4),
        '',
      )
    lines.push(`  ${paint.good('Solution')}  ${paint.link(solution)}`, '', ...indent((ours ?? '').split('\n'), 4), '')
  }
  lines.push(`  ${paint.quiet('There are other right ways: the tests judge what it does, not how it reads.')}`, '')
  console.log(lines.join('\n'))
  return 0
}

/** The declaration's text without its JSDoc, or undefined when the file does not have it (or does not parse). */
function readSymbol(path: string, symbol: string): string | undefined {
  const file = join(root, path)
  if (!existsSync(file)) return undefined
  try {
    const source = readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
    const found = parseFile(path, source).declarations.filter((declaration) => declaration.symbol === symbol)
    const texts = found.map(({ start, end }) => {
      const column = start - (source.lastIndexOf('\n', start - 1) + 1)
      return source.slice(start, end).replaceAll(`\n${' '.repeat(column)}`, '\n')
    })
    return texts.length > 0 ? texts.join('\n\n') : undefined
  } catch {
    return undefined
  }
}
