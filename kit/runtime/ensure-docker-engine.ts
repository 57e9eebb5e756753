/**
 * A Docker engine that answers: the one that is there, or, on Debian and Ubuntu as root, one that is installed and started.
 *
 * Elsewhere the error says exactly what to do. The engine is started directly, since many containers and virtual machines
 * have no init system that would; it outlives this process, as a system service would.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Dockerode from 'dockerode'

/** What a started engine prints. */
const LOG_FILE = '/var/log/dockerd.log'
/** The engine; iptables, which it and the nodes use; a shell for the images. */
const PACKAGES = ['docker.io', 'iptables', 'busybox-static']
const START_TIMEOUT_MS = 60_000

/** Says in `report` what it does, since it may take a minute. Returns a client for the engine. */
export async function ensureDockerEngine(report: (message: string) => void = () => {}): Promise<Dockerode> {
  const docker = new Dockerode()
  if (await answers(docker)) return docker
  const obstacle = obstacleToInstalling()
  if (obstacle) throw new Error(obstacle)

  if (!hasProgram('dockerd')) {
    report(`No Docker engine found: installing ${PACKAGES.join(', ')} with apt (about a minute)`)
    install()
  }
  report(`Starting the Docker engine (its log: ${LOG_FILE})`)
  startEngine()
  await untilItAnswers(docker)
  return docker
}

/** Why this process cannot help itself to an engine, and what the reader can do instead. */
function obstacleToInstalling(): string | undefined {
  const reason = 'No Docker engine answers.'
  const fake = 'Or run the cluster with --runtime fake, where pods only pretend to run.'
  if (process.env.DOCKER_HOST) {
    return `${reason} DOCKER_HOST is ${process.env.DOCKER_HOST}: start that engine, or unset DOCKER_HOST. ${fake}`
  }
  if (process.platform !== 'linux') {
    return `${reason} The running cluster needs Linux, WSL2 or a dev container with Docker in it (see .devcontainer/). ${fake}`
  }
  if (process.getuid?.() !== 0) {
    const remedy = existsSync('/var/run/docker.sock')
      ? 'Your user may not use it: sudo usermod -aG docker $USER, then log in again.'
      : 'Install one (Debian, Ubuntu: sudo apt-get install docker.io), or start it: sudo systemctl start docker.'
    return `${reason} ${remedy} ${fake}`
  }
  if (!hasProgram('dockerd') && !hasProgram('apt-get')) {
    return `${reason} Install Docker Engine with this system's package manager, start it, and try again. ${fake}`
  }
  return undefined
}

function install(): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) => spawnSync('apt-get', ['-q', '-y', ...args], { env, encoding: 'utf8' })
  apt('update')
  const result = apt('install', '--no-install-recommends', ...PACKAGES)
  if (result.status !== 0 && !hasProgram('dockerd')) {
    throw new Error(`apt-get could not install ${PACKAGES.join(', ')}:\n${lastLines(result.stderr)}`)
  }
}

function startEngine(): void {
  const log = openSync(LOG_FILE, 'a')
  spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] }).unref()
}

async function untilItAnswers(docker: Dockerode): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  while (!(await answers(docker))) {
    if (performance.now() > deadlineMs) {
      throw new Error(
        `The Docker engine did not start. The end of ${LOG_FILE}:\n${lastLines(readFileSync(LOG_FILE, 'utf8'))}`,
      )
    }
    await sleep(200)
  }
}

async function answers(docker: Dockerode): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  )
}

function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-10).join('\n')
}
