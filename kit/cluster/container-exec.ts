/** Runs a command inside a running container, like `docker exec -i`, but through the engine's API. */
import { PassThrough } from 'node:stream'
import type Dockerode from 'dockerode'

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Throws when the container is not running (statusCode 409) or does not exist (404). */
export async function execInContainer(
  docker: Dockerode,
  container: string,
  command: readonly string[],
  input = '',
): Promise<ExecResult> {
  const exec = await docker.getContainer(container).exec({
    Cmd: [...command],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  })
  const stream = await exec.start({ hijack: true, stdin: true })
  const stdout = collect()
  const stderr = collect()
  docker.modem.demuxStream(stream, stdout.stream, stderr.stream)
  const ended = new Promise<void>((resolve, reject) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
    stream.once('error', reject)
  })
  stream.end(input)
  await ended
  const { ExitCode } = await exec.inspect()
  return { exitCode: ExitCode ?? -1, stdout: stdout.text(), stderr: stderr.text() }
}

function collect(): { stream: PassThrough; text(): string } {
  const chunks: Buffer[] = []
  const stream = new PassThrough()
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { stream, text: () => Buffer.concat(chunks).toString() }
}
