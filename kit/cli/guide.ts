/** `npm run guide [-- 3 | 3.2]`: a lab's guide, or one step's section, in the terminal. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderMarkdown } from '../guides/render-markdown.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'
import { selectLab } from '../labs/selection.ts'
import { indent, pageWidth } from './terminal/layout.ts'
import { createPaint, wantsColours } from './terminal/paint.ts'

export async function main(args: string[]): Promise<number> {
  const { lab, step } = selectLab(readCatalog(), args[0], 'guide')
  const file = `labs/${lab.name}/README.md`
  if (!existsSync(join(repositoryRoot, file))) {
    console.error(
      `Lab ${lab.number} has no guide here: ${file} is missing. Git brings it back: git checkout -- ${file}`,
    )
    return 1
  }
  const guide = readFileSync(join(repositoryRoot, file), 'utf8')
  const text = step ? sectionOf(guide, step.id) : guide
  const lines = renderMarkdown(text, createPaint(wantsColours(process.stdout)), pageWidth(process.stdout) - 4)
  await show(`${indent(['', ...lines, ''], 2).join('\n')}\n`)
  return 0
}

function sectionOf(guide: string, id: string): string {
  const [, ...sections] = guide.split(/^(?=## )/m)
  return sections.find((section) => section.startsWith(`## ${id} `)) ?? guide
}

/** Through the reader's pager when the text is longer than the screen. */
async function show(text: string): Promise<void> {
  const { stdout } = process
  if (!stdout.isTTY || text.split('\n').length <= (stdout.rows ?? 0)) {
    stdout.write(text)
    return
  }
  const pager = process.env.PAGER || 'less'
  const child = spawn(pager, {
    shell: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { LESS: 'FRX', ...process.env },
  })
  child.stdin.on('error', () => {})
  child.stdin.end(text)
  const exitCode = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(127))
    child.on('close', (code) => resolve(code ?? 0))
  })
  if (exitCode === 127) stdout.write(text)
}
