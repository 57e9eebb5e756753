/** The flags that `npm start` and `npm run cluster -- up` share, parsed and checked. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { BootOptions } from '../cluster/boot.ts'
import { parseMine } from './import-conditions.ts'

export interface UpFlags {
  readonly name: string
  readonly nodes: number
  readonly etcdMembers: number
  readonly mine?: string
  readonly runtime: 'docker' | 'fake'
  readonly port?: number
  readonly etcdEndpoints?: string[]
  readonly detach?: boolean
  readonly inProcess?: boolean
}

export function withUpFlags(command: Command): Command {
  return command
    .option('--name <name>', 'which cluster; a second name is a second cluster side by side', 'default')
    .option('--nodes <count>', 'how many nodes, 1 to 9', wholeNumber(1, 9), 2)
    .option('--etcd-members <count>', 'how many etcd members: 1, 3 or 5', oddNumber, 3)
    .option('--mine <labs>', 'labs to take from labs/ instead of the solutions: "3", "1,4" or "all"', labs)
    .addOption(
      new Option('--runtime <runtime>', 'real containers, or pods that only pretend')
        .choices(['docker', 'fake'])
        .default('docker'),
    )
    .option('--port <port>', 'port of the API server (default: 6443, or the next free one)', wholeNumber(1, 65_535))
    .option('--etcd-endpoints <urls>', 'use a running etcd, such as http://127.0.0.1:2379', endpoints)
    .option('--detach', 'return when the cluster is ready and leave it running')
    .option('--in-process', 'all components in one process, for tests and debuggers')
}

export function bootOptionsFrom(flags: UpFlags): BootOptions {
  const { name, nodes, etcdMembers, runtime, mine, port, etcdEndpoints, inProcess } = flags
  return { name, nodes, etcdMembers, runtime, mine, apiServerPort: port, etcdEndpoints, inProcess }
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (Number.isInteger(number) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
}

function oddNumber(text: string): number {
  if (['1', '3', '5'].includes(text)) return Number(text)
  throw new InvalidArgumentError(
    'It must be 1, 3 or 5: an even number of members survives no more failures than one less.',
  )
}

function labs(text: string): string {
  try {
    parseMine(text)
    return text
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

function endpoints(text: string): string[] {
  const urls = text.split(',').map((url) => url.trim())
  const wrong = urls.find((url) => !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
  if (wrong === undefined) return urls
  throw new InvalidArgumentError(`"${wrong}" is not a URL such as http://127.0.0.1:2379.`)
}
