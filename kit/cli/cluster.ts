/**
 * `npm run cluster -- up|down|status|kubeconfig|logs|kill`: looks after a cluster that `npm start` booted.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import chalk from 'chalk'
import Table from 'cli-table3'
import { Command } from 'commander'
import { type ClusterDirectory, clusterDirectory } from '../cluster/cluster-directory.ts'
import type { ClusterState } from '../cluster/supervisor.ts'
import { runningState, tearDown } from '../cluster/teardown.ts'
import { describeError } from '../contracts/log.ts'

/** Columns as kubectl prints them. */
const NO_BORDERS = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((part) => [part, '']),
)

interface NameFlag {
  readonly name: string
}

const command = new Command('npm run cluster --').description('Looks after a cluster that "npm start" booted.')
const subcommand = (usage: string, description: string) =>
  command.command(usage).description(description).option('--name <name>', 'which cluster', 'default')

command
  .command('up')
  .description('the same as npm start')
  .allowUnknownOption()
  .allowExcessArguments()
  .helpOption(false)
  .action(up)
subcommand('down', 'stops it, and cleans up after a crash; the data stays')
  .option('--delete-data', 'also forget all its objects, certificates and logs')
  .action(down)
subcommand('status', 'its components and nodes').option('--json', 'as JSON').action(status)
subcommand('kubeconfig', 'prints the path of its kubeconfig').action(kubeconfig)
subcommand('logs <component>', 'the log of one component').option('-f, --follow', 'go on as it grows').action(logs)
subcommand('kill <component>', 'kills one component with SIGKILL, to watch it come back').action(kill)

try {
  await command.parseAsync()
} catch (error) {
  console.error(describeError(error))
  process.exitCode = 1
}

async function up(): Promise<void> {
  const args = process.argv.slice(process.argv.indexOf('up') + 1)
  const program = fileURLToPath(new URL('./up.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], { stdio: 'inherit' })
  // Ctrl-C reaches the child as well; this process only waits for its exit code.
  process.on('SIGINT', () => {})
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

async function down({ name, deleteData }: NameFlag & { deleteData?: boolean }): Promise<void> {
  const directory = clusterDirectory(name)
  const found = await tearDown(directory)
  if (deleteData) {
    rmSync(directory.root, { recursive: true, force: true })
    console.log(`The cluster "${name}" is stopped, and everything that it remembered is deleted.`)
    return
  }
  const said = {
    running: `The cluster "${name}" is stopped. Its data stays; "npm start" goes on with it (--delete-data forgets it).`,
    leftovers: `Removed what a crash of the cluster "${name}" had left.`,
    nothing: `The cluster "${name}" was not running, and nothing of it was left.`,
  }
  console.log(said[found])
}

function status({ name, json }: NameFlag & { json?: boolean }): void {
  const state = runningState(clusterDirectory(name))
  if (json) console.log(JSON.stringify({ name, running: state !== undefined, ...state }, null, 2))
  else if (state) console.log(statusTable(name, state))
  else
    console.log(
      `The cluster "${name}" is not running. Start it with "npm start${name === 'default' ? '' : ` -- --name ${name}`}".`,
    )
  if (!state) process.exitCode = 1
}

function statusTable(name: string, state: ClusterState): string {
  const table = new Table({
    head: ['COMPONENT', 'PROCESS', 'RESTARTS'],
    chars: NO_BORDERS,
    style: { head: [], 'padding-left': 0, 'padding-right': 3 },
  })
  for (const [component, { pid, restarts }] of Object.entries(state.components)) {
    table.push([component, pid === undefined ? chalk.yellow('starting again') : String(pid), String(restarts)])
  }
  const source = state.mine ? `labs ${state.mine} from labs/, the others from solutions/` : 'all labs from solutions/'
  return `Cluster "${name}", running since ${state.startedAt}, ${source}\n\n${table}`
}

function kubeconfig({ name }: NameFlag): void {
  const { kubeconfig } = clusterDirectory(name)
  if (!existsSync(kubeconfig)) throw new Error(`The cluster "${name}" has never been started, so it has no kubeconfig.`)
  console.log(relative(process.cwd(), kubeconfig))
}

function logs(component: string, { name, follow }: NameFlag & { follow?: boolean }): void {
  const directory = clusterDirectory(name)
  const file = directory.logFile(component)
  if (!existsSync(file)) throw new Error(noSuchComponent(component, loggedComponents(directory)))
  const child = spawn('tail', follow ? ['-n', '100', '-F', file] : ['-n', '+1', file], { stdio: 'inherit' })
  process.on('SIGINT', () => {})
  child.on('exit', (code) => {
    process.exitCode = code ?? 0
  })
}

function kill(component: string, { name }: NameFlag): void {
  const state = runningState(clusterDirectory(name))
  if (!state) throw new Error(`The cluster "${name}" is not running.`)
  const found = state.components[component]
  if (!found) throw new Error(noSuchComponent(component, Object.keys(state.components)))
  if (found.pid === undefined) throw new Error(`${component} is down already and about to be started again.`)
  process.kill(found.pid, 'SIGKILL')
  console.log(`Killed ${component} (process ${found.pid}). It comes back: npm run cluster -- status`)
}

function loggedComponents({ logs }: ClusterDirectory): string[] {
  if (!existsSync(logs)) return []
  return readdirSync(logs).flatMap((file) => (file.endsWith('.log') ? [file.slice(0, -'.log'.length)] : []))
}

function noSuchComponent(component: string, known: readonly string[]): string {
  const list = known.length > 0 ? `It has ${known.join(', ')}.` : 'It has none yet.'
  return `The cluster has no component "${component}". ${list}`
}
