/** Runs one command in a fresh container, waits for its end, and removes it: for checks and tests of images. */
import type Dockerode from 'dockerode'

export interface ContainerCommand {
  readonly image: string
  readonly command: readonly string[]
  readonly label: Readonly<Record<string, string>>
  readonly capabilities?: readonly string[]
}

export interface CommandResult {
  readonly exitCode: number
  /** Standard output and standard error as they came. */
  readonly output: string
}

export async function runInContainer(docker: Dockerode, options: ContainerCommand): Promise<CommandResult> {
  const container = await docker.createContainer({
    Image: options.image,
    Entrypoint: [...options.command],
    Labels: { ...options.label },
    Tty: true,
    HostConfig: { CapAdd: [...(options.capabilities ?? [])] },
  })
  try {
    await container.start()
    const { StatusCode: exitCode } = (await container.wait()) as { StatusCode: number }
    const output = await container.logs({ stdout: true, stderr: true })
    return { exitCode, output: output.toString().replaceAll('\r\n', '\n') }
  } finally {
    await container.remove({ force: true })
  }
}
