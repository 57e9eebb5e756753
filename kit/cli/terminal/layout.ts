/** Text in columns. Widths count what is seen: escape sequences take no room. */

/** Wide terminals do not make longer lines: 80 columns are what reads well. */
export const PAGE_WIDTH = 80

export function pageWidth(stream: { columns?: number }): number {
  return Math.max(40, Math.min(stream.columns ?? PAGE_WIDTH, PAGE_WIDTH))
}

export function visibleWidth(text: string): number {
  return [...stripAnsi(text)].length
}

export function stripAnsi(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with a control character.
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleWidth(text)))
}

/** `left` and `right` at the two edges of a line. */
export function spread(left: string, right: string, width: number): string {
  return right === '' ? left : `${padEnd(left, width - visibleWidth(right) - 1)} ${right}`
}

/** Breaks text at spaces. Line ends and indentation in the text stay; a word longer than the line stays whole. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const words = paragraph.trim().split(' ')
    const lines: string[] = []
    let line = /^ */.exec(paragraph)![0] + words[0]
    for (const word of words.slice(1)) {
      if (visibleWidth(line) + 1 + visibleWidth(word) > width) {
        lines.push(line)
        line = word
      } else {
        line = `${line} ${word}`
      }
    }
    return [...lines, line.trimEnd()]
  })
}

/** Prefixes every line that is not empty. */
export function indent(lines: readonly string[], columns: number): string[] {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(columns) + line))
}
