/**
 * Markdown for the terminal: headings, paragraphs, lists, quotes, tables and code, wrapped to the page.
 *
 * A terminal cannot fold, so the answers of `<details>` come last, under their questions' names: one can think first.
 */
import Table from 'cli-table3'
import MarkdownIt from 'markdown-it'
import { wrapCode } from '../cli/terminal/code.ts'
import { indent, visibleWidth, wrap } from '../cli/terminal/layout.ts'
import type { Paint } from '../cli/terminal/paint.ts'

type Token = ReturnType<InstanceType<typeof MarkdownIt>['parse']>[number]

interface Page {
  readonly paint: Paint
  readonly width: number
}

export function renderMarkdown(markdown: string, paint: Paint, width: number): string[] {
  const tokens = new MarkdownIt({ html: true }).parse(answersLast(markdown), {})
  return tidyBlankLines(renderBlocks(tokens, { paint, width }))
}

/** Moves what `<details>` folds to the end of the text. */
function answersLast(markdown: string): string {
  const answers: string[] = []
  const text = markdown.replace(
    /<details>\s*<summary>([\s\S]*?)<\/summary>([\s\S]*?)<\/details>/g,
    (_, summary: string, answer: string) => {
      answers.push(`**${answers.length + 1}. ${plain(summary)}**\n\n${answer.trim()}`)
      return `*▸ ${plain(summary)}: ${answers.length}, at the end*`
    },
  )
  return answers.length === 0 ? markdown : `${text}\n\n## Folded away above\n\n${answers.join('\n\n')}\n`
}

/** A list of sibling blocks, each followed by an empty line. */
function renderBlocks(tokens: readonly Token[], page: Page): string[] {
  const lines: string[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    const end = token.nesting === 1 ? closingOf(tokens, at) : at
    lines.push(...renderBlock(token, tokens.slice(at + 1, end), page), ...(token.hidden ? [] : ['']))
    at = end
  }
  return lines
}

function renderBlock(token: Token, inner: readonly Token[], page: Page): string[] {
  const { paint, width } = page
  switch (token.type) {
    case 'heading_open':
      return heading(Number(token.tag.slice(1)), inline(inner[0], paint), page)
    case 'paragraph_open':
      return wrap(inline(inner[0], paint), width)
    case 'inline':
      return wrap(inline(token, paint), width)
    case 'fence':
    case 'code_block':
      return indent(code(token, width - 2).map(paint.link), 2)
    case 'bullet_list_open':
    case 'ordered_list_open':
      return list(token, inner, page)
    case 'blockquote_open':
      return tidyBlankLines(renderBlocks(inner, { paint, width: width - 2 })).map(
        (line) => `${paint.open('┃')} ${line}`,
      )
    case 'table_open':
      return table(inner, page)
    case 'hr':
      return [paint.quiet('─'.repeat(width))]
    case 'html_block':
      return html(token.content, page)
    default:
      return []
  }
}

/** Pictures and output are left as they are drawn; only source text can go on in a next line. */
function code(token: Token, width: number): string[] {
  const text = token.content.trimEnd()
  return ['ts', 'yaml'].includes(token.info) ? wrapCode(text, width) : text.split('\n')
}

function heading(level: number, text: string, { paint, width }: Page): string[] {
  if (level === 1) return ['', paint.strong(text), paint.quiet('═'.repeat(Math.min(width, visibleWidth(text))))]
  if (level === 2) return ['', paint.strong(text), paint.quiet('─'.repeat(width))]
  return [paint.strong(text)]
}

function list(token: Token, inner: readonly Token[], { paint, width }: Page): string[] {
  const lines: string[] = []
  let number = Number(token.attrGet('start') ?? 1)
  for (let at = 0; at < inner.length; at++) {
    if (inner[at]!.type !== 'list_item_open') continue
    const end = closingOf(inner, at)
    const bullet = token.type === 'ordered_list_open' ? `${number++}. ` : '• '
    const item = tidyBlankLines(renderBlocks(inner.slice(at + 1, end), { paint, width: width - bullet.length - 1 }))
    const [first = '', ...rest] = item
    lines.push(` ${paint.quiet(bullet)}${first}`, ...indent(rest, bullet.length + 1))
    at = end
  }
  return lines
}

function table(inner: readonly Token[], { paint, width }: Page): string[] {
  const rows: string[][] = []
  for (const [at, token] of inner.entries()) {
    if (token.type === 'tr_open') rows.push([])
    if (token.type === 'th_open') rows.at(-1)!.push(paint.strong(inline(inner[at + 1], paint)))
    if (token.type === 'td_open') rows.at(-1)!.push(inline(inner[at + 1], paint))
  }
  const columns = rows[0]?.length ?? 0
  const natural = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => visibleWidth(row[column] ?? ''))),
  )
  const drawn = new Table({
    head: [],
    style: { head: [], border: [] },
    colWidths: fitColumns(natural, width - columns - 1).map((column) => column),
    wordWrap: true,
  })
  drawn.push(...rows)
  return drawn.toString().split('\n')
}

/** Narrow columns keep their width; what is left is shared by the wide ones. Each cell has a space on both sides. */
function fitColumns(natural: readonly number[], room: number): number[] {
  const wanted = natural.map((width) => width + 2)
  const fair = Math.floor(room / wanted.length)
  const narrow = wanted.filter((width) => width <= fair)
  const left = room - narrow.reduce((sum, width) => sum + width, 0)
  const share = Math.floor(left / Math.max(1, wanted.length - narrow.length))
  return wanted.map((width) => (width <= fair ? width : Math.min(width, share)))
}

/** Comments (such as the include markers) vanish; of other markup only the words stay. */
function html(content: string, { width }: Page): string[] {
  const text = plain(content.replace(/<!--[\s\S]*?-->/g, '')).replace(/\s+/g, ' ')
  return text === '' ? [] : wrap(text, width)
}

function inline(token: Token | undefined, paint: Paint): string {
  let text = ''
  const open: ((text: string) => string)[] = []
  const put = (part: string) => {
    text += open.reduceRight((styled, style) => style(styled), part)
  }
  for (const child of token?.children ?? []) {
    if (child.type === 'text') put(child.content)
    else if (child.type === 'code_inline') put(paint.link(child.content))
    else if (child.type === 'softbreak') put(' ')
    else if (child.type === 'hardbreak') text += '\n'
    else if (child.type === 'strong_open') open.push(paint.strong)
    else if (child.type === 'em_open') open.push(paint.open)
    else if (child.type === 'link_open') open.push(paint.link)
    else if (child.nesting === -1) open.pop()
  }
  return text
}

function plain(html: string): string {
  return html
    .replace(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .trim()
}

function closingOf(tokens: readonly Token[], at: number): number {
  let depth = 0
  for (let end = at; end < tokens.length; end++) {
    depth += tokens[end]!.nesting
    if (depth === 0) return end
  }
  return tokens.length
}

function tidyBlankLines(lines: readonly string[]): string[] {
  const tidy = lines.filter((line, index) => line !== '' || (index > 0 && lines[index - 1] !== ''))
  while (tidy.at(-1) === '') tidy.pop()
  return tidy
}
