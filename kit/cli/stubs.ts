/** `npm run stubs [-- 3 4] [--check] [--force]` */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runStubs } from '../stubs/command.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false }, force: { type: 'boolean', default: false } },
})

try {
  const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')
  const { ok, lines } = runStubs(root, { labs: positionals.map(Number), check: values.check, force: values.force })
  for (const line of lines) console.log(line)
  process.exitCode = ok ? 0 : 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
