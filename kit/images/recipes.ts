/**
 * What each of the kit's own images holds.
 *
 *   pause:1  the sandbox of every pod: shell, `ip`, and a script that sets the pod's routes and then waits
 *   node:1   a node's network stack: shell, `ip`, iptables with its extensions; nft and conntrack where the host has them
 *   demo:1   something to run in pods: shell, the host's own Node, and a small HTTP server
 *
 * All of them share the shell: busybox (Debian's busybox-static, or any other), else the host's own tools.
 */

import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram, librariesOf } from './host-program.ts'
import type { ImageFile, RootFilesystem } from './root-filesystem.ts'

const run = promisify(execFile)

export interface ImageRecipe {
  readonly reference: string
  readonly files: RootFilesystem
  /** Dockerfile instructions, as `docker import --change` takes them. */
  readonly config: readonly string[]
}

export const PAUSE_IMAGE = 'brain-and-muscle/pause:1'
export const NODE_IMAGE = 'brain-and-muscle/node:1'
export const DEMO_IMAGE = 'brain-and-muscle/demo:1'

const PATH = 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export async function pauseRecipe(): Promise<ImageRecipe> {
  const files = await baseFiles()
  files.set('/pause', await script('pause.sh'))
  return { reference: PAUSE_IMAGE, files, config: [PATH, 'ENTRYPOINT ["/pause"]'] }
}

export async function nodeRecipe(): Promise<ImageRecipe> {
  const files = await baseFiles()
  const iptables = await findProgram('iptables')
  if (!iptables) throw new Error('The node image needs iptables. On Debian or Ubuntu: apt-get install iptables')
  for (const name of ['iptables', 'iptables-save', 'iptables-restore']) await addProgram(files, name)
  for (const name of ['nft', 'conntrack']) if (await findProgram(name)) await addProgram(files, name)
  const extensions = await addIptablesExtensions(files, iptables)
  files.set('/node-init', await script('node-init.sh'))
  return {
    reference: NODE_IMAGE,
    files,
    config: [PATH, `ENV XTABLES_LIBDIR=${extensions}`, 'ENTRYPOINT ["/node-init"]'],
  }
}

export async function demoRecipe(): Promise<ImageRecipe> {
  const files = await baseFiles()
  files.set('/usr/bin/node', { kind: 'host', source: process.execPath })
  await addLibraries(files, [process.execPath])
  files.set('/demo/server.mjs', await script('demo-server.mjs'))
  // Debian's static busybox crashes in `wget -T`; and its shell prefers its own applets to whatever PATH says.
  files.set('/usr/local/bin/wget', await script('wget.mjs'))
  await addHostShell(files)
  const config = [PATH, 'ENV PORT=8080', 'EXPOSE 8080', 'WORKDIR /demo', 'CMD ["node", "/demo/server.mjs"]']
  return { reference: DEMO_IMAGE, files, config }
}

/** The least that a shell and libc expect of a root filesystem, and the shell. */
async function baseFiles(): Promise<Map<string, ImageFile>> {
  const files = new Map<string, ImageFile>([
    ['/tmp', { kind: 'directory', mode: 0o1777 }],
    ['/run', { kind: 'directory', mode: 0o755 }],
    ['/root', { kind: 'directory', mode: 0o700 }],
    ['/var/tmp', { kind: 'directory', mode: 0o1777 }],
    ['/etc/passwd', text('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n')],
    ['/etc/group', text('root:x:0:\nnogroup:x:65534:\n')],
    ['/etc/nsswitch.conf', text('hosts: files dns\n')],
  ])
  const busybox = await findProgram('busybox')
  if (busybox) await addBusybox(files, busybox)
  else await addHostTools(files)
  return files
}

async function addBusybox(files: Map<string, ImageFile>, busybox: string): Promise<void> {
  const { stdout } = await run(busybox, ['--list'])
  files.set('/bin/busybox', { kind: 'host', source: busybox })
  await addLibraries(files, [busybox])
  for (const applet of stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    files.set(`/bin/${applet}`, { kind: 'link', to: 'busybox' })
  }
  files.set('/usr/bin/env', { kind: 'link', to: '/bin/busybox' })
}

async function addHostShell(files: Map<string, ImageFile>): Promise<void> {
  const shell = await findProgram('sh')
  if (!shell || basename(shell) === 'busybox') return
  files.set('/bin/sh', { kind: 'host', source: shell })
  await addLibraries(files, [shell])
}

/** Without busybox: the tools that the scripts need, and the ones that people type into `kubectl exec`. */
const NEEDED_TOOLS = ['sh', 'sleep', 'ip', 'touch', 'rm']
const WELCOME_TOOLS = [
  'cat',
  'echo',
  'env',
  'false',
  'grep',
  'head',
  'hostname',
  'id',
  'ls',
  'mkdir',
  'ps',
  'seq',
  'tail',
]
const MORE_TOOLS = ['date', 'kill', 'mount', 'mv', 'nc', 'pwd', 'sed', 'stat', 'test', 'true', 'wc', 'wget', 'whoami']

async function addHostTools(files: Map<string, ImageFile>): Promise<void> {
  await addHostShell(files)
  for (const name of [...NEEDED_TOOLS, ...WELCOME_TOOLS, ...MORE_TOOLS]) {
    if (await findProgram(name)) await addProgram(files, name)
    else if (NEEDED_TOOLS.includes(name)) {
      throw new Error(
        `The images need busybox, or at least "${name}". On Debian or Ubuntu: apt-get install busybox-static`,
      )
    }
  }
}

/** Puts the host's program at /usr/bin under this name, with its libraries; multi-call binaries are stored once. */
async function addProgram(files: Map<string, ImageFile>, name: string): Promise<void> {
  const source = await findProgram(name)
  if (!source) throw new Error(`This machine has no ${name}.`)
  const target = `/usr/bin/${basename(source)}`
  files.set(target, { kind: 'host', source })
  if (basename(source) !== name) files.set(`/usr/bin/${name}`, { kind: 'link', to: basename(source) })
  await addLibraries(files, [source])
}

async function addLibraries(files: Map<string, ImageFile>, programs: readonly string[]): Promise<void> {
  for (const library of await librariesOf(programs)) files.set(library, { kind: 'host', source: library })
}

/** What rules of kube-proxy and of curious people use. (`ldd` takes milliseconds for each, and there are a hundred.) */
const EXTENSIONS =
  /^lib(xt_(addrtype|comment|conntrack|iprange|limit|mark|multiport|nfacct|recent|set|standard|state|statistic|tcp|udp|CT|DNAT|LOG|MARK|MASQUERADE|NAT|REDIRECT|SNAT|TRACE)|ipt_(icmp|REJECT|MASQUERADE))\.so$/

/** iptables loads each match and target (`-m statistic`, `-j DNAT`) from a file of its own. Returns their directory. */
async function addIptablesExtensions(files: Map<string, ImageFile>, iptables: string): Promise<string> {
  const xtables = (await librariesOf([iptables])).find((library) => basename(library).startsWith('libxtables'))
  const candidates = [
    xtables && join(dirname(xtables), 'xtables'),
    '/usr/lib/xtables',
    '/usr/lib64/xtables',
    '/lib/xtables',
  ]
  const directory = candidates.find((candidate) => candidate && existsSync(candidate))
  if (!directory) throw new Error(`No iptables extensions were found near ${iptables}.`)
  const extensions = readdirSync(directory)
    .filter((name) => EXTENSIONS.test(name))
    .map((name) => join(directory, name))
  for (const path of extensions) files.set(path, { kind: 'host', source: path })
  await addLibraries(files, extensions)
  return directory
}

function text(content: string): ImageFile {
  return { kind: 'text', text: content, mode: 0o644 }
}

async function script(name: string): Promise<ImageFile> {
  return { kind: 'text', text: await readFile(new URL(`./rootfs/${name}`, import.meta.url), 'utf8'), mode: 0o755 }
}
