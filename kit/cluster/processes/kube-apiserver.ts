/** Process entry: the API server, with upstream's flags, on our etcd or a real one. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { parseTokenFile } from '#apiserver/auth/authenticate.ts'
import { startApiServer } from '#apiserver/server.ts'
import { createLog } from '../../contracts/log.ts'
import { runAsProgram, type StartProgram } from './program.ts'

interface Flags {
  readonly etcdServers: string
  readonly etcdCafile?: string
  readonly etcdCertfile?: string
  readonly etcdKeyfile?: string
  readonly bindAddress: string
  readonly securePort: string
  readonly advertiseAddress?: string
  readonly tlsCertFile?: string
  readonly tlsPrivateKeyFile?: string
  readonly clientCaFile?: string
  readonly tokenAuthFile?: string
  readonly serviceClusterIpRange: string
  readonly disableAdmissionPlugins?: string
  readonly serviceAccountExtendTokenExpiration: string
  readonly serviceAccountIssuer: string
  readonly serviceAccountKeyFile?: string
  readonly serviceAccountSigningKeyFile?: string
  readonly kubeletCertificateAuthority?: string
  readonly kubeletClientCertificate?: string
  readonly kubeletClientKey?: string
}

export const start: StartProgram = async (argv) => {
  const flags = parseFlags(argv)
  const bindAddresses = flags.bindAddress.split(',')
  return startApiServer({
    etcd: {
      endpoints: flags.etcdServers.split(','),
      ...(flags.etcdCafile && {
        tls: {
          ca: read(flags.etcdCafile),
          ...(flags.etcdCertfile && { cert: read(flags.etcdCertfile) }),
          ...(flags.etcdKeyfile && { key: read(flags.etcdKeyfile) }),
        },
      }),
    },
    bindAddresses,
    port: Number(flags.securePort),
    advertiseAddress: flags.advertiseAddress ?? bindAddresses.at(-1) ?? '127.0.0.1',
    serviceClusterIpRange: flags.serviceClusterIpRange,
    ...(flags.tlsCertFile &&
      flags.tlsPrivateKeyFile && {
        tls: {
          certificate: read(flags.tlsCertFile),
          privateKey: read(flags.tlsPrivateKeyFile),
          ...(flags.clientCaFile && { clientCertificateAuthority: read(flags.clientCaFile) }),
        },
      }),
    kubelet: {
      ...(flags.kubeletCertificateAuthority && { certificateAuthority: read(flags.kubeletCertificateAuthority) }),
      ...(flags.kubeletClientCertificate && { clientCertificate: read(flags.kubeletClientCertificate) }),
      ...(flags.kubeletClientKey && { clientPrivateKey: read(flags.kubeletClientKey) }),
    },
    ...(flags.serviceAccountSigningKeyFile && {
      accountTokens: {
        issuer: flags.serviceAccountIssuer,
        signingKey: read(flags.serviceAccountSigningKeyFile),
        extendExpiration: flags.serviceAccountExtendTokenExpiration !== 'false',
        verificationKeys: (flags.serviceAccountKeyFile ?? '').split(',').filter(Boolean).map(read),
      },
    }),
    disabledAdmissionPlugins: flags.disableAdmissionPlugins?.split(','),
    ...(flags.tokenAuthFile && { tokens: parseTokenFile(read(flags.tokenAuthFile)) }),
    log: createLog('kube-apiserver'),
  })
}

function parseFlags(argv: readonly string[]): Flags {
  return new Command('kube-apiserver')
    .description('Serves the Kubernetes API; keeps everything in etcd.')
    .requiredOption('--etcd-servers <urls>', 'endpoints, separated by commas')
    .option('--etcd-cafile <path>', 'whom to trust as etcd')
    .option('--etcd-certfile <path>', 'who we are to etcd')
    .option('--etcd-keyfile <path>', 'the key of that certificate')
    .option('--bind-address <addresses>', 'where to listen, separated by commas', '127.0.0.1')
    .option('--secure-port <port>', 'at which port', '6443')
    .option('--advertise-address <address>', 'where pods reach us (default: the last bind address)')
    .option('--tls-cert-file <path>', 'our certificate; without one: plain HTTP')
    .option('--tls-private-key-file <path>', 'its key')
    .option('--client-ca-file <path>', 'whose client certificates to believe')
    .option('--token-auth-file <path>', 'lines of token,user,uid,"group1,group2"')
    .option('--service-cluster-ip-range <cidr>', 'where cluster IPs come from', '10.96.0.0/16')
    .option('--disable-admission-plugins <names>', 'what not to look at in writes, separated by commas')
    .option('--service-account-issuer <url>', 'who we are in service account tokens', 'https://kubernetes.default.svc')
    .option('--service-account-key-file <paths>', 'keys whose tokens are believed, separated by commas')
    .option('--service-account-signing-key-file <path>', 'the key that signs tokens; without one: no tokens')
    .option(
      '--service-account-extend-token-expiration <true|false>',
      'let the tokens of pods live a year, for clients that do not read them again',
      'true',
    )
    .option('--kubelet-certificate-authority <path>', 'whom to trust as a kubelet')
    .option('--kubelet-client-certificate <path>', 'who we are to kubelets')
    .option('--kubelet-client-key <path>', 'the key of that certificate')
    .parse(argv, { from: 'user' })
    .opts<Flags>()
}

function read(path: string): string {
  return readFileSync(path, 'utf8')
}

runAsProgram(import.meta.url, 'kube-apiserver', start)
