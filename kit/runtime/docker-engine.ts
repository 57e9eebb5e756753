/**
 * What this kit uses of the Docker Engine's API, over dockerode: plain data in and out, errors with their HTTP status,
 * streams already taken apart. Which calls to make, and with what, is the Docker runtime's business (lab 5).
 *
 * Source: Docker Engine API v1.41, https://docs.docker.com/engine/api/v1.41/.
 */
import type { Duplex, Readable } from 'node:stream'
import Docker from 'dockerode'
import type { Image, LogEntry, LogRequest, ProcessStreams, StreamOptions } from '../contracts/cri.ts'
import { writeTo } from '../streaming/remote-command.ts'
import { asStdout, demultiplex, lines, logEntries, withoutStartFailure } from './docker-streams.ts'

/** The body of `POST /containers/create`. */
export type ContainerCreateBody = Omit<Docker.ContainerCreateOptions, 'name'>

/** The part of `GET /containers/<id>/json` that matters here. */
export interface ContainerInspection {
  readonly Id: string
  readonly Name: string
  /** RFC 3339. "0001-01-01T00:00:00Z" means never. */
  readonly Created: string
  readonly State: {
    readonly Status: string
    readonly Running: boolean
    readonly Paused?: boolean
    readonly OOMKilled: boolean
    readonly ExitCode: number
    readonly Error: string
    readonly StartedAt: string
    readonly FinishedAt: string
  }
  /** The image's id. */
  readonly Image: string
  readonly Config: {
    readonly Image: string
    readonly Tty?: boolean
    readonly Labels: Readonly<Record<string, string>>
    readonly StopSignal?: string
    /** Its input ends when the first who attached has ended it. */
    readonly StdinOnce?: boolean
  }
  readonly HostConfig?: ResourceOptions
}

/** Zero, like absent, means no limit. */
export interface ResourceOptions {
  readonly CpuShares?: number | undefined
  readonly CpuQuota?: number | undefined
  readonly CpuPeriod?: number | undefined
  readonly Memory?: number | undefined
  readonly MemorySwap?: number | undefined
}

/** The part of `GET /containers/{id}/stats` that matters here. */
export interface ContainerStatistics {
  /** RFC 3339; the zero time for a container that does not run. */
  readonly read: string
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } }
  readonly memory_stats: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> }
}

/** The part of a `GET /containers/json` entry that matters here. */
export interface ContainerSummary {
  readonly Id: string
  /** Seconds since the Unix epoch. */
  readonly Created: number
  /** "created", "running", "paused", "exited", "dead", … */
  readonly State: string
  readonly Labels: Readonly<Record<string, string>>
}

/** The engine's "no", with its HTTP status: 404 no such container, 409 name taken or wrong state, 400 bad options. */
export class DockerError extends Error {
  override readonly name = 'DockerError'
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

export interface DockerEngine {
  version(): Promise<string>
  /** Returns the id. Throws DockerError 409 when the name is taken, 404 when the image is missing. */
  createContainer(name: string, body: ContainerCreateBody): Promise<string>
  /** Starting what runs succeeds. */
  startContainer(id: string): Promise<void>
  /** Stop signal, then SIGKILL after so many seconds. Stopping what has stopped, or is gone, succeeds. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>
  /** Kills it if need be. Removing what is gone succeeds. */
  removeContainer(id: string): Promise<void>
  /** Changes what a running container may use. */
  updateContainer(id: string, resources: ResourceOptions): Promise<void>
  /** Undefined when there is none. */
  statistics(id: string): Promise<ContainerStatistics | undefined>
  /** By id or name; undefined when there is none. */
  inspectContainer(id: string): Promise<ContainerInspection | undefined>
  /** All containers, running or not, that carry all of these labels. */
  listContainers(labels: Readonly<Record<string, string>>): Promise<readonly ContainerSummary[]>
  exec(id: string, command: readonly string[], options: StreamOptions): Promise<ProcessStreams>
  attach(id: string, options: StreamOptions): Promise<ProcessStreams>
  logs(id: string, request: LogRequest & { tty: boolean }, signal: AbortSignal): AsyncIterable<LogEntry>
  /** One item whenever a container with these labels ended, was paused, or the like: the container's labels. */
  events(
    labels: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly labels: Readonly<Record<string, string>> }>
  inspectImage(image: string): Promise<Image | undefined>
  listImages(): Promise<readonly Image[]>
  pullImage(image: string): Promise<void>
}

/** Connects as the docker command does: DOCKER_HOST, or the local socket. Nothing is sent before the first call. */
export function connectDocker(docker: Docker = new Docker()): DockerEngine {
  return {
    version: async () => (await call(() => docker.version())).Version,

    createContainer: async (name, body) => (await call(() => docker.createContainer({ ...body, name }))).id,
    startContainer: (id) => tolerate([304], () => docker.getContainer(id).start()),
    stopContainer: (id, timeoutSeconds) =>
      tolerate([304, 404], () => docker.getContainer(id).stop({ t: timeoutSeconds })),
    removeContainer: (id) => tolerate([404, 409], () => docker.getContainer(id).remove({ force: true, v: true })),
    async updateContainer(id, resources) {
      await call(() => docker.getContainer(id).update(resources))
    },
    statistics: (id) => unlessMissing(async () => docker.getContainer(id).stats({ stream: false, 'one-shot': true })),
    inspectContainer: (id) => unlessMissing(() => docker.getContainer(id).inspect()),
    listContainers: (labels) => call(() => docker.listContainers({ all: true, filters: { label: pairs(labels) } })),

    async exec(id, command, options) {
      const exec = await call(() =>
        docker.getContainer(id).exec({
          Cmd: [...command],
          AttachStdin: options.stdin,
          AttachStdout: options.stdout,
          AttachStderr: options.stderr,
          Tty: options.tty,
        }),
      )
      const stream = await call(() => exec.start({ hijack: true, stdin: options.stdin, Tty: options.tty }))
      const exitCode = async () => (await call(() => exec.inspect())).ExitCode ?? 0
      const resize = ({ width, height }: { width: number; height: number }) => exec.resize({ w: width, h: height })
      const streams = processStreams(stream, options, { resize, exitCode })
      return { ...streams, output: withoutStartFailure(streams.output, exitCode) }
    },

    async attach(id, options) {
      const container = docker.getContainer(id)
      const stream = (await call(() =>
        container.attach({
          stream: true,
          hijack: true,
          stdin: options.stdin,
          stdout: options.stdout,
          stderr: options.stderr,
        }),
      )) as Duplex
      const streams = processStreams(stream, options, {
        resize: ({ width, height }) => container.resize({ w: width, h: height }),
        exitCode: async () => 0,
      })
      const { Config } = (await call(() => container.inspect())) as ContainerInspection
      // Who attaches without input still wants the output; the engine would end both, unless the input may end only once.
      return Config.StdinOnce ? streams : { ...streams, endInput() {} }
    },

    async *logs(id, request, signal) {
      const options = {
        stdout: true,
        stderr: true,
        timestamps: true,
        ...(request.tailLines !== undefined && { tail: request.tailLines }),
        ...(request.sinceMs !== undefined && { since: request.sinceMs / 1000 }),
        abortSignal: signal,
      }
      const container = docker.getContainer(id)
      if (!request.follow) {
        const bytes = await call(() => container.logs({ ...options, follow: false }))
        yield* logEntries([bytes as unknown as Uint8Array], request.tty)
        return
      }
      const stream = (await call(() => container.logs({ ...options, follow: true }))) as Readable
      signal.addEventListener('abort', () => stream.destroy(), { once: true })
      yield* logEntries(stream, request.tty)
    },

    async *events(labels, signal) {
      const filters = { type: ['container'], event: [...TELLING_EVENTS], label: pairs(labels) }
      const stream = (await call(() =>
        docker.getEvents({ filters: JSON.stringify(filters), abortSignal: signal } as object),
      )) as unknown as Readable
      signal.addEventListener('abort', () => stream.destroy(), { once: true })
      for await (const line of lines(stream))
        yield { labels: JSON.parse(line.toString('utf8')).Actor?.Attributes ?? {} }
    },

    async inspectImage(image) {
      const found = await unlessMissing(() => docker.getImage(image).inspect())
      return found && { id: found.Id, repoTags: found.RepoTags ?? [], sizeBytes: found.Size }
    },
    async listImages() {
      const images = await call(() => docker.listImages())
      return images.map(({ Id, RepoTags, Size }) => ({ id: Id, repoTags: RepoTags ?? [], sizeBytes: Size }))
    },
    async pullImage(image) {
      const progress = await call(() => docker.pull(image))
      await new Promise<void>((resolve, reject) =>
        docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve())),
      )
    },
  }
}

/** What we do ourselves (create, start) is no news to us. */
const TELLING_EVENTS = ['die', 'oom', 'pause', 'unpause', 'destroy'] as const

const pairs = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([key, value]) => `${key}=${value}`)

async function call<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const { statusCode, json, message } = error as {
      statusCode?: number
      json?: { message?: string }
      message?: string
    }
    if (statusCode === undefined) throw error
    // Without a parsed body, dockerode puts its own words before the engine's.
    const text = json?.message ?? message?.replace(/^\(HTTP code \d+\) [\w ]+ - /, '')
    throw new DockerError(statusCode, text?.trim() ?? `HTTP ${statusCode}`)
  }
}

async function tolerate(statusCodes: readonly number[], run: () => Promise<unknown>): Promise<void> {
  try {
    await call(run)
  } catch (error) {
    if (!(error instanceof DockerError && statusCodes.includes(error.statusCode))) throw error
  }
}

async function unlessMissing<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call(run)
  } catch (error) {
    if (error instanceof DockerError && error.statusCode === 404) return undefined
    throw error
  }
}

function processStreams(
  stream: Duplex,
  { tty }: StreamOptions,
  process: { resize(size: { width: number; height: number }): Promise<unknown>; exitCode(): Promise<number> },
): ProcessStreams {
  // A connection that breaks ends the output; whoever reads learns the rest from the exit code.
  stream.on('error', () => stream.destroy())
  return {
    write: (input) => writeTo(stream, input),
    endInput: () => void stream.end(),
    resize: (size) => void process.resize(size).catch(() => {}),
    output: tty ? asStdout(stream) : demultiplex(stream),
    exitCode: process.exitCode,
    close: () => void stream.destroy(),
  }
}
