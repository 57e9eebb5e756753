/**
 * The tools of the machine that some tests need. A Docker engine is installed and started where that is possible (Debian and
 * Ubuntu as root); with CI set the other tools are installed too, and without it only named, since the tests that need
 * them skip and say so.
 */
import { spawnSync } from 'node:child_process'
import { describeError } from '../contracts/log.ts'
import { ensureDockerEngine } from '../runtime/ensure-docker-engine.ts'

/** Program → Debian package. */
const PACKAGES: Readonly<Record<string, string>> = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  busybox: 'busybox-static',
  iptables: 'iptables',
  chromium: 'chromium',
}

export async function prepareTools(report: (message: string) => void): Promise<void> {
  installMissing(report)
  try {
    await ensureDockerEngine(report)
  } catch (error) {
    report(describeError(error))
  }
  if (!hasProgram('kubectl')) report('kubectl is missing: the tests that drive the cluster with it cannot run.')
}

function installMissing(report: (message: string) => void): void {
  const missing = Object.keys(PACKAGES).filter((program) => !hasProgram(program))
  if (missing.length === 0) return
  const canInstall = process.getuid?.() === 0 && hasProgram('apt-get')
  if (!process.env.CI || !canInstall) {
    report(`Missing ${missing.join(', ')}: the tests that need them ${process.env.CI ? 'fail' : 'skip'}.`)
    return
  }
  const packages = missing.map((program) => PACKAGES[program]!)
  report(`Installing ${packages.join(', ')} with apt`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['-q', 'update'], { env })
  const result = spawnSync('apt-get', ['-q', '-y', 'install', '--no-install-recommends', ...packages], {
    env,
    encoding: 'utf8',
  })
  if (result.status !== 0) report(`apt-get could not install them:\n${result.stderr.trimEnd()}`)
}

function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0
}
