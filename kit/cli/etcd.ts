/**
 * `npm run etcd -- [--members 3] [--client-port 2379] [--data-dir DIR]`: an etcd cluster of its own, until Ctrl-C.
 *
 * Exit code: 0 after SIGTERM, 130 after Ctrl-C, 1 when it could not be started, 2 for a wrong command line.
 */
import { relative, resolve } from 'node:path'
import chalk from 'chalk'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { type CertificateFiles, type EtcdAlone, startEtcdAlone } from '../cluster/etcd-alone.ts'
import { describeError } from '../contracts/log.ts'
import { parseMine } from './import-conditions.ts'
import { UsageError } from './usage-error.ts'

interface Flags {
  readonly members?: number
  readonly clientPort?: number
  readonly dataDir: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly trustedCaFile?: string
  readonly peerCertFile?: string
  readonly peerKeyFile?: string
  readonly peerTrustedCaFile?: string
  readonly mine?: string | true
  readonly json?: boolean
}

const READY_WITHIN_MS = 30_000
/** A lab in progress says what it lacks long before that. */
const PATIENCE_WITH_LABS_MS = 5_000

const command = new Command('npm run etcd --')
  .description('Runs an etcd cluster of its own on this machine, plain text on loopback, until Ctrl-C.')
  .option('--members <count>', 'how many, 1 to 7 (default: as before in this directory, or 3)', wholeNumber(1, 7))
  .option(
    '--client-port <port>',
    'of the first member; the next ones serve on 10, 20, … more (default: 2379)',
    wholeNumber(1, 65_400),
  )
  .option('--data-dir <path>', 'where everything is kept; a second start goes on there', '.cluster/etcd-alone')
  .option('--cert-file <path>', 'serve clients over TLS with this certificate')
  .option('--key-file <path>', 'its private key')
  .option('--trusted-ca-file <path>', 'clients must show a certificate of this authority')
  .option('--peer-cert-file <path>', 'members talk to each other over TLS with this certificate')
  .option('--peer-key-file <path>', 'its private key')
  .option('--peer-trusted-ca-file <path>', 'the authority that signed it')
  .option('--mine [labs]', 'your lab 1 instead of the solution')
  .option('--json', 'one line of JSON when it is ready')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) })

try {
  command.parse()
  process.exitCode = await run(command.opts<Flags>())
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    console.error(`${chalk.red('etcd could not be started:')} ${describeError(error)}`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  }
}

async function run(flags: Flags): Promise<number> {
  const stopping = new AbortController()
  const stopped = stopOnSignal(stopping)
  const etcd = await startEtcdAlone({
    dataDirectory: resolve(flags.dataDir),
    members: flags.members,
    clientPort: flags.clientPort,
    mine: labsOf(flags.mine),
    onDeath: ({ name, logFile }, how) =>
      console.error(`${name} ${how}; it is started again. Its log: ${relative('.', logFile)}`),
    clientTls: certificates(flags.certFile, flags.keyFile, flags.trustedCaFile, ''),
    peerTls: peerCertificates(flags),
  })
  try {
    const limitMs = flags.mine ? PATIENCE_WITH_LABS_MS : READY_WITHIN_MS
    const isReady = await etcd.waitUntilReady(limitMs, stopping.signal)
    if (!isReady && !stopping.signal.aborted) return sayWhyNot(etcd)
    if (isReady) say(etcd, flags)
    return await stopped
  } finally {
    await etcd.stop()
    if (stopping.signal.aborted && !flags.json) console.error('Stopped; the data stays for the next start.')
  }
}

/** The first signal ends the members in order, the second at once. */
function stopOnSignal(stopping: AbortController): Promise<number> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      if (stopping.signal.aborted) process.exit(130)
      stopping.abort()
      resolve(signal === 'SIGINT' ? 130 : 0)
    }
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  })
}

function say(etcd: EtcdAlone, flags: Flags): void {
  if (flags.json) {
    console.log(JSON.stringify({ ready: true, members: etcd.members }))
    return
  }
  const endpoints = etcd.members.map(({ clientUrl }) => clientUrl).join(',')
  const tls = flags.certFile ? ` --cacert ${flags.trustedCaFile ?? flags.certFile}` : ''
  const identity = flags.trustedCaFile ? ' --cert CLIENT.crt --key CLIENT.key' : ''
  const lines = [
    `${chalk.green('Ready')}: ${etcd.members.length} member${etcd.members.length === 1 ? '' : 's'}.`,
    ...etcd.members.map(({ name, clientUrl, logFile }) => `    ${name}  ${clientUrl}   log: ${relative('.', logFile)}`),
    '',
    'Try it:',
    `    export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=${endpoints}`,
    chalk.bold(`    etcdctl${tls}${identity} put hello world && etcdctl${tls}${identity} get hello`),
    `    etcdctl${tls}${identity} endpoint status -w table`,
    '',
    'Stop: Ctrl-C',
  ]
  console.log(lines.join('\n'))
}

function sayWhyNot(etcd: EtcdAlone): number {
  const missing = etcd.missingParts()
  if (missing.length === 0) {
    console.error(chalk.red('The members did not become ready. Their logs say why:'))
    for (const { logFile } of etcd.members) console.error(`    ${relative('.', logFile)}`)
    return 1
  }
  console.error(chalk.yellow('etcd cannot work yet: parts of it wait to be written.'))
  for (const sentence of new Set(missing.map((part) => part.sentence))) console.error(`    ${sentence}`)
  console.error('\nNext: npm run lab 1')
  return 1
}

/** `--mine` alone means lab 1: there is no other in it. */
function labsOf(mine: string | true | undefined): string | undefined {
  const labs = mine === true ? '1' : mine
  try {
    parseMine(labs)
  } catch (error) {
    throw new UsageError(describeError(error))
  }
  return labs
}

function certificates(
  certFile: string | undefined,
  keyFile: string | undefined,
  trustedCaFile: string | undefined,
  prefix: string,
) {
  if (!certFile && !keyFile && !trustedCaFile) return undefined
  if (!certFile || !keyFile) throw new UsageError(`--${prefix}cert-file and --${prefix}key-file go together`)
  return {
    certFile: resolve(certFile),
    keyFile: resolve(keyFile),
    ...(trustedCaFile && { trustedCaFile: resolve(trustedCaFile) }),
  }
}

function peerCertificates({
  peerCertFile,
  peerKeyFile,
  peerTrustedCaFile,
}: Flags): Required<CertificateFiles> | undefined {
  const files = certificates(peerCertFile, peerKeyFile, peerTrustedCaFile, 'peer-')
  if (!files) return undefined
  if (!files.trustedCaFile)
    throw new UsageError('--peer-cert-file needs --peer-trusted-ca-file: members know each other by it')
  return { ...files, trustedCaFile: files.trustedCaFile }
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}
