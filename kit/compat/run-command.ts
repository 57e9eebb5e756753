/**
 * Runs one command as the transcript's recorder did: the real kubectl, a home directory of its own, and an end after a while.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import type { Transcript } from './transcript.ts'

export type Outcome = Pick<Transcript, 'exit' | 'stdout' | 'stderr'>

export interface Shell {
  /** @param enough true when what was printed so far is all that is waited for: a watch goes on, but need not. */
  run(command: string, options: { stdin: string; limitMs: number; enough(stdout: string): boolean }): Promise<Outcome>
  remove(): void
}

export interface ShellOptions {
  readonly server: string
  readonly certificateAuthority: string
  readonly token: string
  /** Path → content, in the directory in which commands run. */
  readonly files: Readonly<Record<string, string>>
}

/** What is printed last may still be on its way when it looks like enough. */
const LINGER_MS = 300

export function createShell({ server, certificateAuthority, token, files }: ShellOptions): Shell {
  const home = mkdtempSync(join(tmpdir(), 'brain-and-muscle-compat-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), content)
  }
  const kubeconfig = join(home, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText(server, certificateAuthority, token), { mode: 0o600 })
  // An editor that changes nothing.
  const environment = { PATH: process.env.PATH, HOME: home, KUBECONFIG: kubeconfig, EDITOR: 'true' }
  return {
    run(command, { stdin, limitMs, enough }) {
      const [program = '', ...args] = splitWords(command)
      return new Promise((resolve, reject) => {
        const child = spawn(program, args, { cwd: home, env: environment })
        let [stdout, stderr, cutOff] = ['', '', false]
        const cut = () => {
          cutOff = true
          child.kill('SIGKILL')
        }
        const limit = setTimeout(cut, limitMs)
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          stdout += text
          if (enough(stdout)) setTimeout(cut, LINGER_MS)
        })
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr += text
        })
        child.stdin.on('error', () => {})
        child.stdin.end(stdin)
        child.once('error', reject)
        child.once('close', (code) => {
          clearTimeout(limit)
          resolve({ exit: cutOff ? 'timeout' : (code ?? 1), stdout, stderr })
        })
      })
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** As a shell does it, without its substitutions: quotes keep words together, a backslash keeps one character. */
export function splitWords(command: string): string[] {
  const words = command.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? []
  return words.map((word) =>
    word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single, double, character) => {
      return single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? character
    }),
  )
}

function kubeconfigText(server: string, certificateAuthority: string, token: string): string {
  const authority = { 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'compat',
    contexts: [{ name: 'compat', context: { cluster: 'compat', user: 'admin' } }],
    clusters: [{ name: 'compat', cluster: { server, ...authority } }],
    users: [{ name: 'admin', user: { token } }],
  })
}
