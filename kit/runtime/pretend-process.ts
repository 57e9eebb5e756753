/**
 * A process that only pretends: enough of a shell to make the fake runtime worth looking at, and predictable in tests.
 *
 * Understood, separated by ";" or newlines: `echo words` (with `>&2`), `printf words`, `sleep n`, `exit n`, `true`, `false`,
 * `cat`, `hostname`, `env`, and `trap "exit n" TERM` or `trap "" TERM`. A command that is not understood runs for ever,
 * as a server would. Time comes from the clock that is given.
 */
import type { Clock, Timer } from '../contracts/clock.ts'

export interface PretendProcessOptions {
  /** The command with its arguments; empty: whatever the image would do. */
  readonly command: readonly string[]
  readonly hostname: string
  readonly environment: readonly string[]
  readonly clock: Clock
  /** Whether anyone may still write to its input. */
  readonly stdin: boolean
  write(stream: 'stdout' | 'stderr', text: string): void
  exited(exitCode: number): void
}

type OnTerm = 'ignore' | { readonly exitCode: number }

/** What the kernel does to PID 1 without a handler: nothing. That is why `sh -c 'sleep 1000'` takes its whole grace period. */
const NO_HANDLER: OnTerm = 'ignore'
const KILLED = 137

export class PretendProcess {
  readonly #options: PretendProcessOptions
  readonly #statements: string[]
  #onTerm: OnTerm = NO_HANDLER
  #timer: Timer | undefined
  #done = false
  #reading = false
  #inputEnded: boolean
  #lastExitCode = 0

  constructor(options: PretendProcessOptions) {
    this.#options = options
    this.#inputEnded = !options.stdin
    const [program = '', flag = '', script = ''] = options.command
    const isShell = /(^|\/)(ba|a)?sh$/.test(program) && flag === '-c'
    this.#statements = isShell ? splitStatements(script) : options.command.length > 0 ? [options.command.join(' ')] : []
    // An image's own program is taken for a well-behaved server.
    if (options.command.length === 0) {
      this.#onTerm = { exitCode: 0 }
      this.#statements.push('echo pretending to run; no container engine is in use', 'serve')
    }
  }

  /** False when a program of that name cannot exist: it was named by a path that this kit's images lack. */
  static exists(command: readonly string[]): boolean {
    const [program = ''] = command
    return !program.startsWith('/no') && !program.startsWith('nosuch')
  }

  start(): void {
    this.#next()
  }

  /** SIGTERM. */
  terminate(): void {
    if (this.#onTerm !== 'ignore') this.#exit(this.#onTerm.exitCode)
  }

  /** SIGKILL. */
  kill(): void {
    this.#exit(KILLED)
  }

  input(text: string): void {
    if (this.#reading && !this.#done) this.#options.write('stdout', text)
  }

  endInput(): void {
    this.#inputEnded = true
    if (!this.#reading) return
    this.#reading = false
    this.#next()
  }

  #next(): void {
    while (!this.#done) {
      const statement = this.#statements.shift()
      if (statement === undefined) this.#exit(this.#lastExitCode)
      else if (!this.#run(statement)) return
    }
  }

  /** False when the process now waits for something. */
  #run(statement: string): boolean {
    const { write, hostname, environment, clock } = this.#options
    const toStderr = statement.endsWith('>&2')
    const words = (toStderr ? statement.slice(0, -3).trim() : statement).split(/\s+/)
    const [program, argument = ''] = words
    const stream = toStderr ? 'stderr' : 'stdout'
    this.#lastExitCode = 0
    switch (program) {
      case 'echo':
        write(stream, `${unquote(words.slice(1).join(' '))}\n`)
        return true
      case 'printf':
        write(stream, unquote(words.slice(1).join(' ')))
        return true
      case 'hostname':
        write(stream, `${hostname}\n`)
        return true
      case 'env':
        write(stream, environment.map((line) => `${line}\n`).join(''))
        return true
      case 'true':
        return true
      case 'false':
        this.#lastExitCode = 1
        return true
      case 'exit':
        this.#exit(Number(argument || 0))
        return false
      case 'trap':
        this.#onTerm = onTerm(statement)
        return true
      case 'sleep':
        this.#timer = clock.setTimer(Number(argument) * 1000, () => this.#next())
        return false
      case 'cat':
        this.#reading = true
        if (!this.#inputEnded) return false
        this.#reading = false
        return true
      default:
        return false
    }
  }

  #exit(exitCode: number): void {
    if (this.#done) return
    this.#done = true
    this.#timer?.cancel()
    this.#options.exited(exitCode)
  }
}

/** At ";" and newlines, but not inside quotes. */
function splitStatements(script: string): string[] {
  const statements = script.match(/(?:"[^"]*"|'[^']*'|[^;\n"'])+/g) ?? []
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== '')
}

function unquote(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, '$2')
}

function onTerm(statement: string): OnTerm {
  const [, , action = ''] = /^trap\s+(["'])(.*?)\1\s+TERM/.exec(statement) ?? []
  const [, exitCode] = /^exit\s*(\d*)$/.exec(action) ?? []
  return exitCode === undefined ? 'ignore' : { exitCode: Number(exitCode) }
}
