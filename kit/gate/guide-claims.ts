/**
 * What a guide claims to exist, checked against what does: headings, tasks, symbols, files, links and commands.
 *
 * Prose that names a thing by hand goes stale the day the thing is renamed; this finds it that day.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { anchorOf } from '../labs/anchors.ts'
import type { Lab } from '../labs/catalog.ts'
import { parseFile } from '../stubs/declarations.ts'
import type { StubTree } from '../stubs/stub-tree.ts'

/** Every step's section has these parts, in this order. */
export const RHYTHM = [
  'Why it exists',
  'The idea',
  'Invariants',
  'Predict',
  'Task',
  'Checkpoint',
  'What production does differently',
]

export interface GuideWorld {
  readonly root: string
  readonly lab: Lab
  readonly labs: readonly Lab[]
  readonly stubs: StubTree
  /** The names of package.json's scripts. */
  readonly scripts: readonly string[]
}

/** Everything that is wrong with a guide, as sentences. */
export function checkGuide(guide: string, world: GuideWorld): string[] {
  const prose = guide.replace(/^```[\s\S]*?^```$/gm, '')
  return [
    ...checkSections(prose, world),
    ...checkTasks(prose, world),
    ...checkCodeSpans(prose, world),
    ...checkLinks(prose, guide, world),
    ...checkCommands(guide, world),
  ]
}

function checkSections(prose: string, { lab }: GuideWorld): string[] {
  const problems: string[] = []
  const found = headings(prose).filter(({ level, text }) => level === 2 && /^\d+\.\d+ /.test(text))
  const wanted = lab.steps.map((step) => `${step.id} ${step.title}`)
  const titles = found.map(({ text }) => text.replace(/ ★$/, ''))
  for (const title of wanted) if (!titles.includes(title)) problems.push(`there is no section "## ${title}"`)
  for (const title of titles) if (!wanted.includes(title)) problems.push(`"## ${title}" is no step of lab.yaml`)
  for (const step of lab.steps) {
    const parts = headings(sectionOf(prose, step.id)).filter(({ level }) => level === 3)
    const missing = RHYTHM.filter((part) => !parts.some(({ text }) => text === part))
    if (missing.length > 0)
      problems.push(`section ${step.id} lacks ${missing.map((part) => `"### ${part}"`).join(', ')}`)
    if (!sectionOf(prose, step.id).includes('<details>'))
      problems.push(`section ${step.id} folds no answer in <details>`)
  }
  return problems
}

/** A task box names the step's files and parts: all of them, and no others. */
function checkTasks(prose: string, { lab, stubs }: GuideWorld): string[] {
  return lab.steps.flatMap((step) => {
    const tasks = stubs.tasks.filter((task) => task.step === step.id)
    const box = quotedBlocks(sectionOf(prose, step.id)).find((block) => block.startsWith(`**Task ${step.id}**`))
    if (!box) return [`section ${step.id} has no box "> **Task ${step.id}** — file …, symbols …"`]
    const spans = codeSpans(box)
    const problems: string[] = []
    for (const file of step.files) {
      if (!spans.some((span) => span.endsWith(`src/${file}`)))
        problems.push(`the box of ${step.id} does not name src/${file}`)
    }
    for (const { symbol } of tasks) {
      if (!spans.includes(symbol)) problems.push(`the box of ${step.id} does not name the symbol ${symbol}`)
    }
    return problems
  })
}

/** `src/queue.ts`, `kit/sim/random.ts`, `Raft.step`: paths exist, and members exist where their class does. */
function checkCodeSpans(prose: string, { root, lab, stubs }: GuideWorld): string[] {
  const members = new Map<string, Set<string>>()
  for (const [path, text] of stubs.files) {
    if (!path.endsWith('.ts')) continue
    for (const { symbol, kind } of parseFile(path, text).declarations) {
      const [owner, member] = symbol.split('.')
      if (kind === 'class') members.set(symbol, members.get(symbol) ?? new Set())
      if (member) members.get(owner!)?.add(member)
    }
  }
  return codeSpans(prose).flatMap((span) => {
    if (/^(src|tests|kit|labs|solutions|checker|\.\.?)\/[\w./-]+$/.test(span)) {
      const places = [root, join(root, 'labs', lab.name)]
      return places.some((place) => existsSync(join(place, span))) ? [] : [`there is no ${span}`]
    }
    const [, owner, member] = /^(\w+)\.(#?\w+)(\(.*\))?$/.exec(span) ?? []
    const known = owner ? members.get(owner) : undefined
    return known && member && !known.has(member) ? [`${owner} has no member ${member} (\`${span}\`)`] : []
  })
}

function checkLinks(prose: string, guide: string, { root, lab }: GuideWorld): string[] {
  const folder = join(root, 'labs', lab.name)
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target!)) return []
    const [path, anchor] = target!.split('#') as [string, string?]
    const file = path === '' ? join(folder, 'README.md') : join(folder, path)
    if (path !== '' && !existsSync(file)) return [`the link ${target} leads nowhere`]
    if (!anchor) return []
    const text = path === '' ? guide : readFileSync(file, 'utf8')
    return headings(text).some((heading) => anchorOf(heading.text) === anchor)
      ? []
      : [`the link ${target} names no heading`]
  })
}

/** `npm run lab 3.2` and the like: the script exists, and so do the lab and the step. */
function checkCommands(guide: string, { labs, scripts }: GuideWorld): string[] {
  const ids = labs.flatMap((lab) => [String(lab.number), ...lab.steps.map((step) => step.id)])
  const commands = [...guide.matchAll(/\bnpm (?:run ([\w-]+)|(start|test))(?: (?:-- )?(\d+(?:\.\d+)?)\b)?/g)]
  return commands.flatMap(([text, run, short, argument]) => {
    const script = run ?? short!
    if (!scripts.includes(script)) return [`there is no script for \`${text}\``]
    const takesStep = ['lab', 'hint', 'solution', 'reset', 'guide'].includes(script)
    return takesStep && argument && !ids.includes(argument) ? [`\`${text}\` names what does not exist`] : []
  })
}

/** The text of `## 3.1 …` up to the next heading of its level. */
function sectionOf(prose: string, id: string): string {
  const start = prose.search(new RegExp(`^## ${id.replace('.', '\\.')} `, 'm'))
  if (start === -1) return ''
  const rest = prose.slice(start + 3)
  const end = rest.search(/^## /m)
  return end === -1 ? rest : rest.slice(0, end)
}

function headings(text: string): { level: number; text: string }[] {
  const plain = text.replace(/^```[\s\S]*?^```$/gm, '')
  return [...plain.matchAll(/^(#+) (.+?) *$/gm)].map(([, marks, title]) => ({ level: marks!.length, text: title! }))
}

function quotedBlocks(text: string): string[] {
  return [...text.matchAll(/(?:^> ?.*\n?)+/gm)].map(([block]) => block.replace(/^> ?/gm, '').trim())
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!)
}
