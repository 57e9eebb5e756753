/** Process entry: one etcd member, with upstream's flags. */
import { Command, Option } from 'commander'
import { startMember } from '#etcd/member.ts'
import { parseAutoCompaction } from '#etcd/server/auto-compaction.ts'
import { createLog } from '../../contracts/log.ts'
import { parseDurationMs } from './durations.ts'
import { runAsProgram, type StartProgram } from './program.ts'

interface Flags {
  readonly name: string
  readonly dataDir: string
  readonly listenClientUrls: string
  readonly listenPeerUrls: string
  readonly advertiseClientUrls?: string
  readonly initialAdvertisePeerUrls?: string
  readonly initialCluster?: string
  readonly initialClusterState: string
  readonly initialClusterToken: string
  readonly initialSnapshot?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly trustedCaFile?: string
  readonly clientCertAuth?: boolean
  readonly peerCertFile?: string
  readonly peerKeyFile?: string
  readonly peerTrustedCaFile?: string
  readonly heartbeatInterval: string
  readonly electionTimeout: string
  readonly experimentalWatchProgressNotifyInterval: string
  readonly snapshotCount: string
  readonly quotaBackendBytes: string
  readonly autoCompactionMode: string
  readonly autoCompactionRetention: string
  readonly experimentalSnapshotCatchupEntries?: string
  readonly preVote: string | boolean
}

export const start: StartProgram = async (argv) => {
  const flags = new Command('etcd')
    .description('One member of an etcd cluster.')
    .option('--name <name>', 'human-readable name of this member', 'default')
    .option('--data-dir <path>', 'where its write-ahead log lives', 'default.etcd')
    .option('--listen-client-urls <urls>', 'where clients connect', 'http://127.0.0.1:2379')
    .option('--listen-peer-urls <urls>', 'where other members connect', 'http://127.0.0.1:2380')
    .option('--advertise-client-urls <urls>', 'where clients are told to connect; default: where we listen')
    .option('--initial-advertise-peer-urls <urls>', 'where other members are told to connect; default: where we listen')
    .option(
      '--initial-cluster <members>',
      'name=peer-url of every member, joined by commas; default: this member alone',
    )
    .addOption(
      new Option('--initial-cluster-state <state>', 'existing: join a cluster that has added this member')
        .choices(['new', 'existing'])
        .default('new'),
    )
    .option(
      '--initial-cluster-token <token>',
      'keeps clusters apart that are founded with the same URLs',
      'etcd-cluster',
    )
    .option(
      '--initial-snapshot <path>',
      'a file of etcdctl snapshot save with which a new cluster begins; the same for all',
    )
    .option('--cert-file <path>', 'certificate shown to clients')
    .option('--key-file <path>', 'its private key')
    .option('--trusted-ca-file <path>', "authority of clients' certificates")
    .option('--client-cert-auth [bool]', 'clients must show a certificate')
    .option('--peer-cert-file <path>', 'certificate shown to peers')
    .option('--peer-key-file <path>', 'its private key')
    .option('--peer-trusted-ca-file <path>', "authority of peers' certificates")
    .option('--peer-client-cert-auth [bool]', 'accepted for compatibility: peers must always show one')
    .option('--heartbeat-interval <ms>', "milliseconds between a leader's heartbeats", '100')
    .option('--election-timeout <ms>', 'milliseconds of silence before an election', '1000')
    .option(
      '--experimental-watch-progress-notify-interval <duration>',
      'how often idle watches that ask are told',
      '10m',
    )
    .option('--pre-vote [bool]', 'ask before standing for election', 'true')
    .option('--snapshot-count <entries>', 'a snapshot is taken after so many entries', '10000')
    .option(
      '--experimental-snapshot-catchup-entries <entries>',
      'kept in memory before a snapshot, for members that lag',
    )
    .option('--quota-backend-bytes <bytes>', 'what the store may hold; 0 is 2 GiB, less is no limit', '0')
    .option('--auto-compaction-mode <mode>', 'periodic or revision', 'periodic')
    .option('--auto-compaction-retention <length>', 'history to keep: hours, a duration, or revisions; 0 is all', '0')
    .parse(argv, { from: 'user' })
    .opts<Flags>()

  const log = createLog(`etcd ${flags.name}`)
  const clientTls = tlsFiles(flags.certFile, flags.keyFile, flags.clientCertAuth ? flags.trustedCaFile : undefined)
  const peerTls = tlsFiles(flags.peerCertFile, flags.peerKeyFile, flags.peerTrustedCaFile)
  if (peerTls && !peerTls.trustedCaFile) throw new Error('--peer-cert-file needs --peer-trusted-ca-file')
  return startMember({
    name: flags.name,
    dataDirectory: flags.dataDir,
    listenClientUrls: flags.listenClientUrls.split(','),
    listenPeerUrls: flags.listenPeerUrls.split(','),
    initialCluster: flags.initialCluster ?? aloneAt(flags),
    initialClusterState: flags.initialClusterState === 'existing' ? 'existing' : 'new',
    initialClusterToken: flags.initialClusterToken,
    ...(flags.initialSnapshot !== undefined && { initialSnapshot: flags.initialSnapshot }),
    ...(flags.advertiseClientUrls && { advertiseClientUrls: flags.advertiseClientUrls.split(',') }),
    ...(clientTls && { clientTls }),
    ...(peerTls && { peerTls: { ...peerTls, trustedCaFile: peerTls.trustedCaFile! } }),
    heartbeatIntervalMs: Number(flags.heartbeatInterval),
    electionTimeoutMs: Number(flags.electionTimeout),
    watchProgressIntervalMs: parseDurationMs(flags.experimentalWatchProgressNotifyInterval),
    snapshotCount: Number(flags.snapshotCount),
    quotaBackendBytes: Number(flags.quotaBackendBytes),
    autoCompaction: parseAutoCompaction(flags.autoCompactionMode, flags.autoCompactionRetention),
    ...(flags.experimentalSnapshotCatchupEntries !== undefined && {
      snapshotCatchUpEntries: Number(flags.experimentalSnapshotCatchupEntries),
    }),
    preVote: String(flags.preVote) === 'true',
    log,
    onFatal: (error) => {
      log.error('the disk failed; a member that cannot keep its promises must not go on', error)
      process.exit(1)
    },
    onRemoved: () => process.exit(0),
  })
}

function aloneAt({ name, initialAdvertisePeerUrls, listenPeerUrls }: Flags): string {
  const urls = (initialAdvertisePeerUrls ?? listenPeerUrls).split(',')
  return urls.map((url) => `${name}=${url}`).join(',')
}

function tlsFiles(certFile: string | undefined, keyFile: string | undefined, trustedCaFile: string | undefined) {
  if (certFile === undefined || keyFile === undefined) return undefined
  return { certFile, keyFile, ...(trustedCaFile !== undefined && { trustedCaFile }) }
}

runAsProgram(import.meta.url, 'etcd', start)
