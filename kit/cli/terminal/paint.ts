/** Colours with a meaning. Only on a terminal, never with NO_COLOR (https://no-color.org), always with FORCE_COLOR. */
import { Chalk } from 'chalk'

export interface Paint {
  /** Passed. */
  good(text: string): string
  /** Wrong. */
  bad(text: string): string
  /** Not there yet. */
  open(text: string): string
  /** Headings. */
  strong(text: string): string
  /** Labels and what matters less. */
  quiet(text: string): string
  /** What can be typed or opened: commands, paths. */
  link(text: string): string
}

export function createPaint(colours: boolean): Paint {
  const chalk = new Chalk({ level: colours ? 1 : 0 })
  return {
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    open: (text) => chalk.yellow(text),
    strong: (text) => chalk.bold(text),
    quiet: (text) => chalk.dim(text),
    link: (text) => chalk.cyan(text),
  }
}

/** What `npm run … | less` or a log file gets has no colours. */
export function wantsColours(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return stream.isTTY === true && env.TERM !== 'dumb'
}
