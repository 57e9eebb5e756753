/**
 * `npm run doctor [-- --json]`: looks at this machine and says, for each thing that something needs, whether it is here and
 * what to do if not. Exit code 0 when everything that `npm start` needs is here.
 */
import { spawnSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, freemem, platform } from 'node:os'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../labs/catalog.ts'
import { indent, padEnd, pageWidth, wrap } from './terminal/layout.ts'
import { createPaint, type Paint, wantsColours } from './terminal/paint.ts'

interface Finding {
  readonly what: string
  /** `limited`: something optional is missing. */
  readonly verdict: 'fine' | 'limited' | 'missing'
  readonly found: string
  /** What to do; only when it is not fine. */
  readonly remedy?: string
}

const MIB = 2 ** 20
const NEEDED_DISK_MIB = 1024
const NEEDED_MEMORY_MIB = 1500
const API_SERVER_PORT = 6443

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } })
  const findings = [
    node(),
    docker(),
    program('kubectl', ['version', '--client'], 'to drive the cluster', 'https://kubernetes.io/docs/tasks/tools/'),
    program('etcdctl', ['version'], 'for a few tests of lab 1', 'Debian, Ubuntu: apt-get install etcd-client'),
    program('etcd', ['--version'], 'to compare with the real etcd', 'Debian, Ubuntu: apt-get install etcd-server'),
    await port(API_SERVER_PORT),
    disk(),
    memory(),
  ]
  if (values.json) console.log(JSON.stringify(findings, null, 2))
  else print(findings, createPaint(wantsColours(process.stdout)), pageWidth(process.stdout))
  return findings.some((finding) => finding.verdict === 'missing') ? 1 : 0
}

function node(): Finding {
  return { what: 'Node.js', verdict: 'fine', found: `${process.versions.node}, ${availableParallelism()} processors` }
}

function docker(): Finding {
  const what = 'Docker engine'
  if (platform() !== 'linux') {
    const remedy =
      'The cluster runs on Linux, WSL2 or in the dev container (.devcontainer/). The labs run here all the same.'
    return { what, verdict: 'limited', found: `not looked for on ${platform()}`, remedy }
  }
  const result = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  if (result.status === 0) return { what, verdict: 'fine', found: result.stdout.trim() }
  if (result.error) {
    const root = process.getuid?.() === 0
    const remedy = root
      ? 'Nothing: npm start installs it (Debian, Ubuntu). Elsewhere install Docker Engine with your package manager.'
      : 'Debian, Ubuntu: sudo apt-get install docker.io && sudo usermod -aG docker $USER, then log in again. Or without it: npm start -- --runtime fake'
    return { what, verdict: root ? 'limited' : 'missing', found: 'not installed', remedy }
  }
  const denied = /permission denied/i.test(result.stderr)
  const remedy = denied
    ? 'sudo usermod -aG docker $USER, then log in again. Or without it: npm start -- --runtime fake'
    : 'sudo systemctl start docker (as root, npm start does it). Or without it: npm start -- --runtime fake'
  return {
    what,
    verdict: 'missing',
    found: denied ? 'installed, but your user may not use it' : 'installed, does not answer',
    remedy,
  }
}

function program(name: string, args: readonly string[], purpose: string, source: string): Finding {
  const result = spawnSync(name, args, { encoding: 'utf8', timeout: 20_000 })
  if (result.status === 0) {
    const version = /v?\d+\.\d+(\.\d+)?/.exec(result.stdout)?.[0] ?? 'here'
    return { what: name, verdict: 'fine', found: version }
  }
  return { what: name, verdict: 'limited', found: 'not installed', remedy: `Needed ${purpose}. ${source}` }
}

async function port(number: number): Promise<Finding> {
  const what = `Port ${number}`
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(number, '127.0.0.1', () => server.close(() => resolve(true)))
  })
  if (free) return { what, verdict: 'fine', found: 'free' }
  const remedy =
    'A cluster of yours may be running (npm run cluster -- status). Or choose another: npm start -- --port 7443'
  return { what, verdict: 'limited', found: 'in use', remedy }
}

function disk(): Finding {
  const { bavail, bsize } = statfsSync(repositoryRoot)
  const freeMib = Math.floor((bavail * bsize) / MIB)
  const finding = { what: 'Disk', found: `${freeMib} MiB free` }
  if (freeMib >= NEEDED_DISK_MIB) return { ...finding, verdict: 'fine' }
  return {
    ...finding,
    verdict: 'missing',
    remedy: `Images and state want ${NEEDED_DISK_MIB} MiB: make room where this folder is.`,
  }
}

function memory(): Finding {
  const freeMib = Math.floor(freemem() / MIB)
  const finding = { what: 'Memory', found: `${freeMib} MiB free` }
  if (freeMib >= NEEDED_MEMORY_MIB) return { ...finding, verdict: 'fine' }
  const remedy = `A cluster of eleven processes wants about ${NEEDED_MEMORY_MIB} MiB; npm start -- --in-process needs less.`
  return { ...finding, verdict: 'limited', remedy }
}

function print(findings: readonly Finding[], paint: Paint, width: number): void {
  const lines = ['']
  for (const { what, verdict, found, remedy } of findings) {
    const mark = { fine: paint.good('✔'), limited: paint.open('○'), missing: paint.bad('✖') }[verdict]
    lines.push(`  ${mark} ${padEnd(what, 16)}${found}`)
    if (remedy) lines.push(...indent(wrap(remedy, width - 22), 20).map(paint.quiet))
  }
  const missing = findings.filter((finding) => finding.verdict === 'missing')
  const limited = findings.filter((finding) => finding.verdict === 'limited')
  lines.push('')
  const summary =
    missing.length > 0
      ? 'The labs can be done here. For the cluster, see what is marked ✖ above.'
      : limited.length > 0
        ? 'All that is needed is here; what is marked ○ is optional or looks after itself.'
        : paint.good('Everything is here.')
  lines.push(...indent(wrap(summary, width - 4), 2))
  console.log(`${lines.join('\n')}\n`)
}
