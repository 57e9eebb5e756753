/**
 * The one entry of every npm script. Plain JavaScript without dependencies, because it runs before they are installed.
 *
 * It checks Node, installs what is missing, and hands over to the command's own file beside it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')

/**
 * `vitest`: the command runs tests in this process. `cluster`: it runs in a process of its own, which has the import
 * conditions that `--mine` asks for.
 * @type {Record<string, 'plain' | 'vitest' | 'cluster'>}
 */
const commands = {
  up: 'cluster',
  cluster: 'cluster',
  etcd: 'cluster',
  test: 'vitest',
  lab: 'vitest',
  hint: 'plain',
  reset: 'plain',
  solution: 'plain',
  guide: 'plain',
  doctor: 'plain',
  checker: 'plain',
  bench: 'cluster',
  soak: 'cluster',
  compat: 'cluster',
  stubs: 'plain',
  trace: 'plain',
  mutants: 'vitest',
  red: 'vitest',
}

const HELP_OF_THEIR_OWN = ['up', 'cluster', 'etcd']
const MAX_CAUSE_LINES = 6
/** As a shell reports a process that SIGPIPE has ended. */
const NOBODY_READS = 141

const [command = '', ...args] = process.argv.slice(2)
checkNode()
const kind = commands[command]
if (!kind) {
  console.error(`There is no command "${command}". Commands are ${Object.keys(commands).join(', ')}.`)
  process.exit(2)
}
endWithReader()
if (args.some((arg) => arg === '--help' || arg === '-h') && !HELP_OF_THEIR_OWN.includes(command)) {
  console.log(helpOf(command))
  process.exit(0)
}
install()
if (kind === 'cluster') runInOwnProcess()
else await runHere()

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`Brain & Muscle needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
  console.error('Install a current version from your system or https://nodejs.org, then run the command again.')
  process.exit(1)
}

/** `npm run lab 3 | head` stops reading when it has enough: that is no failure to explain. */
function endWithReader() {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(NOBODY_READS)
    })
  }
}

/**
 * The comment at the head of a command's file is its help.
 * @param {string} name
 */
function helpOf(name) {
  const head = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(here, `${name}.ts`), 'utf8'))?.[1] ?? ''
  const text = head
    .replace(/^ \* ?/gm, '')
    .replaceAll('`', '')
    .trim()
  const paragraphs = text.split('\n\n').map((paragraph) => paragraph.replaceAll('\n', ' '))
  return paragraphs.map((paragraph) => paragraph.replace(/(.{1,79})(?: |$)/g, '$1\n')).join('\n')
}

function install() {
  if (isInstalled()) return
  const missing = !existsSync(join(root, 'node_modules'))
  console.error(missing ? 'Installing dependencies (once) …' : 'Bringing dependencies up to date …')
  const npm = process.env.npm_execpath
  const ci = ['ci', '--no-progress', '--loglevel=error']
  const options = { cwd: root, encoding: /** @type {const} */ ('utf8') }
  const result = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...ci], options)
    : spawnSync('npm', ci, { ...options, shell: process.platform === 'win32' })
  if (result.status === 0) return
  console.error(causeOf(`${result.stderr ?? ''}${result.stdout ?? ''}`) || String(result.error ?? 'npm said nothing'))
  console.error('\nInstalling failed (see above). Once the cause is gone, run the command again.')
  process.exit(1)
}

/**
 * What npm gives as the error: the first lines. After them comes the usage of a command that the learner never typed.
 * @param {string} output
 */
function causeOf(output) {
  const said = output.split('\n').filter((line) => line.trim() !== '')
  const errors = said.flatMap((line) => /^npm (?:error|ERR!) (.*\S)/.exec(line)?.[1] ?? [])
  return (errors.length > 0 ? errors : said).slice(0, MAX_CAUSE_LINES).join('\n')
}

/** Whether node_modules holds exactly what package-lock.json asks for, by npm's own record of what it installed. */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

/** Loads the command's TypeScript into this process: a second Node would cost the learner's time on every run. */
async function runHere() {
  // Before tsx, whose hooks would make the loading of Vitest's many modules four times as slow.
  if (kind === 'vitest') await import('vitest/node')
  const { register } = await import('tsx/esm/api')
  const unregister = register()
  process.argv = [process.argv[0] ?? 'node', join(here, `${command}.ts`), ...args]
  const { main } = await import(pathToFileURL(join(here, `${command}.ts`)).href)
  if (kind === 'vitest') await unregister()
  try {
    process.exitCode = await main(args)
  } catch (error) {
    const usage = isUsageError(error)
    console.error(usage ? explain(error) : error)
    process.exitCode = usage ? 2 : 1
  }
}

/**
 * Node's own words go on with advice about arguments that begin with a dash.
 * @param {Error} error
 */
function explain(error) {
  if (error.name === 'UsageError') return error.message
  return `${error.message.split('. ')[0]}.\n\n${helpOf(command)}`
}

/** @returns {error is Error} */
function isUsageError(error) {
  return error instanceof Error && (error.name === 'UsageError' || String(error.code).startsWith('ERR_PARSE_ARGS'))
}

function runInOwnProcess() {
  const conditions = importConditions().map((condition) => `--conditions=${condition}`)
  const child = spawn(process.execPath, ['--import', 'tsx', ...conditions, join(here, `${command}.ts`), ...args], {
    stdio: 'inherit',
  })
  // The terminal sends Ctrl-C to the child as well: wait until it has cleaned up.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => {
    console.error(`Cannot start Node.js: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143)
  })
}

/** As import-conditions.ts, which cannot be loaded yet; the command itself complains about labs that do not exist. */
function importConditions() {
  const at = args.findIndex((arg) => arg === '--mine' || arg.startsWith('--mine='))
  const mine =
    at === -1 ? '' : args[at]?.includes('=') ? (args[at]?.slice('--mine='.length) ?? '') : (args[at + 1] ?? '')
  if (mine === 'all') return []
  const own = mine.split(',').map(Number)
  return [1, 2, 3, 4, 5, 6].filter((lab) => !own.includes(lab)).map((lab) => `solution-0${lab}`)
}
