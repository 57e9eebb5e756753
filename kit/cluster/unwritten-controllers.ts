/**
 * Some admission plugins count on controllers: that each namespace gets an account, that a ready node loses its first taint.
 * Whoever is still writing those controllers (lab 4) could otherwise run no pod at all, so the API server does without.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMine } from '../cli/import-conditions.ts'
import { repositoryRoot } from '../labs/catalog.ts'

const LAB = 4
const ALL_CONTROLLERS = ['informer-store.ts', 'workqueue.ts', 'rate-limiter.ts']
const WRITTEN_FOR: Readonly<Record<string, readonly string[]>> = {
  ServiceAccount: ALL_CONTROLLERS,
  TaintNodesByCondition: [...ALL_CONTROLLERS, 'nodes/heartbeat.ts', 'nodes/taints.ts'],
}

/** Names of plugins for `--disable-admission-plugins`. */
export function pluginsToDoWithout(
  mine: string | undefined,
  read = (file: string) => readFileSync(join(repositoryRoot, 'labs/04-controllers/src', file), 'utf8'),
): string[] {
  if (!parseMine(mine).includes(LAB)) return []
  const isUnwritten = (file: string) => read(file).includes('throw new NotImplemented(')
  return Object.entries(WRITTEN_FOR).flatMap(([plugin, files]) => (files.some(isUnwritten) ? [plugin] : []))
}
