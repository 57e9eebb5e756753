/**
 * Code for reading in a terminal: lines that are too long break between words, never within one.
 *
 * Comments stay comments on every line. Other code goes on four columns further in.
 */
export function wrapCode(code: string, width: number): string[] {
  return code.split('\n').flatMap((line) => (line.length <= width ? [line] : wrapLine(line, width)))
}

function wrapLine(line: string, width: number): string[] {
  const indentation = /^ */.exec(line)![0]
  const [opening, rest] = prefixOf(line)
  const lines: string[] = []
  let current = line.slice(0, line.length - rest.length)
  let words = 0
  for (const word of rest.split(/ (?!\*\/$)/)) {
    if (words > 0 && current.length + 1 + word.length > width) {
      lines.push(current)
      current = `${indentation}${opening}${word}`
    } else {
      current += words === 0 ? word : ` ${word}`
    }
    words++
  }
  return [...lines, current]
}

/** What continuation lines begin with after the line's own indentation, and the text that may be broken. */
function prefixOf(line: string): [continuation: string, rest: string] {
  const block = /^ *(\/?\*+ )(?!\/)(.*)$/.exec(line)
  if (block) return [block[1]!.startsWith('/') ? ' * ' : '* ', block[2]!]
  const comment = /^ *(\/\/ |# )(.*)$/.exec(line)
  if (comment) return [comment[1]!, comment[2]!]
  return ['    ', line.trimStart()]
}
