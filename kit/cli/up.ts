/**
 * `npm start`: boots a cluster with a progress display, says how to use it, and runs it until Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import chalk from 'chalk'
import { Command } from 'commander'
import { Listr } from 'listr2'
import { type Cluster, createCluster } from '../cluster/boot.ts'
import { clusterDirectory, createDirectories } from '../cluster/cluster-directory.ts'
import type { MissingPart } from '../cluster/missing-parts.ts'
import { runningState } from '../cluster/teardown.ts'
import { describeError } from '../contracts/log.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'
import { readParts } from '../labs/parts.ts'
import { ensureDockerEngine } from '../runtime/ensure-docker-engine.ts'
import { bootOptionsFrom, type UpFlags, withUpFlags } from './cluster-options.ts'
import { parseMine } from './import-conditions.ts'

const command = withUpFlags(new Command('npm start --'))
  .description('Boots a Kubernetes cluster on this machine and runs it until Ctrl-C.')
  .action(async (flags: UpFlags) => {
    process.exitCode = await up(flags)
  })
await command.parseAsync()
// A boot that was interrupted may still wait for something.
process.exit()

async function up(flags: UpFlags): Promise<number> {
  const directory = clusterDirectory(flags.name)
  const running = runningState(directory)
  if (running) {
    console.error(`The cluster "${flags.name}" is running already (process ${running.supervisorPid}).`)
    console.error(`Stop it with "npm run cluster -- down --name ${flags.name}", or give this one another --name.`)
    return 1
  }
  return flags.detach ? bootDetached(flags) : bootHere(flags)
}

async function bootHere(flags: UpFlags): Promise<number> {
  const startedMs = Date.now()
  const cluster = createCluster(bootOptionsFrom(flags))
  const stopped = stopOnSignal(cluster)
  let ready = false
  try {
    // Ctrl-C does not wait for a boot that is under way.
    ready = await Promise.race([bootWithProgress(cluster, flags), stopped.exitCode.then(() => false)])
  } catch (error) {
    if (stopped.requested()) return stopped.exitCode
    console.error(chalk.red(`\nThe cluster could not be started: ${describeError(error)}`))
    await cluster.stop()
    return 1
  }
  if (stopped.requested()) return stopped.exitCode
  const missing = cluster.missingParts()
  const tookMs = Date.now() - startedMs
  process.send?.({ ready, tookMs, missing } satisfies DetachedReport)
  if (!ready) {
    sayWhyNotReady(cluster, missing)
    await cluster.stop()
    return 1
  }
  sayHowToUse(cluster, flags, missing, tookMs)
  return stopped.exitCode
}

/** @returns whether the cluster is ready. */
async function bootWithProgress(cluster: Cluster, flags: UpFlags): Promise<boolean> {
  let ready = false
  const tasks = new Listr(
    [
      {
        title: 'Docker engine and images',
        skip: () => flags.runtime === 'fake' && 'Pods only pretend to run: no container engine is used',
        task: async (_, task) => {
          const report = (line: string) => {
            task.output = line
          }
          await ensureDockerEngine(report)
          await cluster.prepareRuntime(report)
        },
      },
      {
        title: flags.mine
          ? `Certificates, and programs with lab ${flags.mine} from labs/`
          : 'Certificates and programs',
        task: async () => {
          if (flags.runtime === 'fake') await cluster.prepareRuntime(() => {})
          await cluster.prepareFiles()
        },
      },
      {
        title: 'etcd, API server, scheduler, controllers, kubelets, kube-proxies',
        task: () => cluster.startComponents(),
      },
      {
        title: 'Nodes become ready',
        task: async (_, task) => {
          ready = await cluster.waitForNodes(({ reason }) => {
            if (task.output !== reason) task.output = reason
          })
          if (!ready) throw new Error('the nodes did not become ready')
        },
      },
    ],
    {
      exitOnError: true,
      registerSignalListeners: false,
      rendererOptions: { collapseErrors: false, showErrorMessage: false },
    },
  )
  try {
    await tasks.run()
  } catch (error) {
    // The last step's failure is told below, with what to do; any other is a reason to give up.
    if (ready || !/did not become ready/.test(describeError(error))) throw error
  }
  return ready
}

/** Ends the cluster on the first Ctrl-C, and at once on the second. The returned exit code resolves when all is gone. */
function stopOnSignal(cluster: Cluster): { requested(): boolean; exitCode: Promise<number> } {
  let requested = false
  const exitCode = new Promise<number>((resolve) => {
    const onSignal = async (signal: NodeJS.Signals) => {
      if (requested) process.exit(1)
      requested = true
      console.error('\nStopping the cluster; its data stays for the next start …')
      await cluster.stop().catch((error) => console.error(`While stopping: ${describeError(error)}`))
      console.error('Stopped: no container, network or process is left.')
      resolve(signal === 'SIGINT' ? 130 : 0)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    process.on('SIGHUP', onSignal)
  })
  return { requested: () => requested, exitCode }
}

function sayHowToUse(cluster: Cluster, flags: UpFlags, missing: readonly MissingPart[], tookMs: number): void {
  const kubeconfig = relative(process.cwd(), cluster.directory.kubeconfig)
  const name = flags.name === 'default' ? '' : ` --name ${flags.name}`
  const lines = [
    '',
    `${chalk.green('Ready')} in ${(tookMs / 1000).toFixed(1)} s: ${flags.nodes} node${flags.nodes === 1 ? '' : 's'}. Talk to it with`,
    '',
    chalk.bold(`    export KUBECONFIG=${kubeconfig}`),
    '',
    'Three things to try:',
    '    kubectl get nodes -o wide',
    '    kubectl apply -f kit/examples/hello.yaml && kubectl get pods -o wide -w',
    `    npm run cluster -- kill kube-scheduler${name}`,
    `    npm run cluster -- status${name}   (it has come back)`,
    '',
    `Logs: ${relative(process.cwd(), cluster.directory.logs)}/    Stop: ${flags.detach ? `npm run cluster -- down${name}` : 'Ctrl-C'}`,
  ]
  if (flags.runtime === 'fake')
    lines.push('', chalk.yellow('Runtime "fake": pods only pretend to run, no container is started.'))
  const unfinished = unfinishedLabs(flags.mine)
  if (unfinished.length > 0) lines.push('', ...unfinished.map((line) => chalk.yellow(line)))
  if (missing.length > 0)
    lines.push(
      '',
      chalk.yellow('Parts that are not written yet, so the cluster cannot do this work:'),
      ...partList(missing),
    )
  console.log(lines.join('\n'))
}

/** A lab that is only begun boots as well, and then quietly does not do its work: say so beforehand. */
function unfinishedLabs(mine: string | undefined): string[] {
  const own = parseMine(mine)
  return readCatalog().flatMap((lab) => {
    if (!own.includes(lab.number)) return []
    const core = lab.steps.filter(({ star }) => !star)
    const open = core.filter((step) => readParts(repositoryRoot, lab, step).some(({ written }) => !written))
    if (open.length === 0) return []
    const steps = open.map(({ id }) => id).join(', ')
    return [
      `Lab ${lab.number} (${lab.title}) is not finished: steps ${steps} wait to be written. Next: npm run lab ${lab.number}`,
    ]
  })
}

function sayWhyNotReady(cluster: Cluster, missing: readonly MissingPart[]): void {
  if (missing.length > 0) {
    const [first] = [...missing].sort((a, b) => a.step.localeCompare(b.step, undefined, { numeric: true }))
    console.error(chalk.yellow('\nThe cluster cannot become ready yet: parts of it wait to be written.'))
    console.error(partList(missing).join('\n'))
    console.error(`\nNext: npm run lab ${first?.step.split('.')[0]}`)
    return
  }
  console.error(chalk.red('\nThe nodes did not become ready within a minute.'))
  console.error(`The components' logs say why: ${relative(process.cwd(), cluster.directory.logs)}/`)
}

function partList(missing: readonly MissingPart[]): string[] {
  const components = new Map<string, Set<string>>()
  for (const { component, sentence } of missing)
    components.set(sentence, (components.get(sentence) ?? new Set()).add(component))
  return [...components].map(([sentence, by]) => `    ${chalk.bold([...by].join(', '))}: ${sentence}`)
}

/** What a detached cluster tells the process that started it. */
interface DetachedReport {
  readonly ready: boolean
  readonly tookMs: number
  readonly missing: readonly MissingPart[]
}

/** Starts a second process that runs the cluster, and returns when that one says how it went. */
async function bootDetached(flags: UpFlags): Promise<number> {
  const cluster = createCluster(bootOptionsFrom(flags))
  createDirectories(cluster.directory)
  const logFile = cluster.directory.logFile('supervisor')
  const log = openSync(logFile, 'w')
  const args = process.argv.slice(2).filter((arg) => arg !== '--detach')
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...args], {
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
    env: { ...process.env, NO_COLOR: '1' },
  })
  console.log('Booting in the background …')
  const report = await new Promise<DetachedReport | undefined>((resolve) => {
    child.once('message', (message) => resolve(message as DetachedReport))
    child.once('exit', () => resolve(undefined))
    child.once('error', () => resolve(undefined))
  })
  if (report?.ready) {
    sayHowToUse(cluster, flags, report.missing, report.tookMs)
    child.disconnect()
    child.unref()
    return 0
  }
  if (report) sayWhyNotReady(cluster, report.missing)
  else
    console.error(`The cluster could not be started. ${relative(process.cwd(), logFile)} ends with:\n${tail(logFile)}`)
  return 1
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
}
