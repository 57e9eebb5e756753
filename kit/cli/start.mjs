/**
 * The one entry of every npm script. Plain JavaScript without dependencies, because it runs before they are installed.
 */
import { spawnSync } from 'node:child_process'

const [command = '', ...args] = process.argv.slice(2)
const entry = { stubs: 'stubs.ts', mutants: 'mutants.ts' }[command]
const script = new URL(entry ?? `${command}.ts`, import.meta.url)
const result = spawnSync(process.execPath, ['--import', 'tsx', script.pathname, ...args], { stdio: 'inherit' })
process.exitCode = result.status ?? 1
