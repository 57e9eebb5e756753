/**
 * A watch on the simulated API server: history from the asked revision on, then what happens, filtered by the selectors. An
 * object that starts or stops matching appears or disappears.
 */
import type http from 'node:http'
import { StatusError } from '../../api/status-error.ts'
import { isSelected, type Target } from './answer.ts'
import type { HistoryEntry, SimObject, SimStore } from './store.ts'

export function watch(store: SimStore, target: Target, query: URLSearchParams, response: http.ServerResponse): void {
  const asked = Number(query.get('resourceVersion') ?? 0)
  const write = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  if (asked > 0 && asked < store.compactedRevision) {
    const gone = new StatusError(410, 'Expired', `too old resource version: ${asked} (${store.compactedRevision})`)
    write('ERROR', gone.toStatus())
    response.end()
    return
  }
  const typed = (object: SimObject) => ({ apiVersion: target.apiVersion, kind: target.kind, ...object })
  const isMine = (object: SimObject) =>
    (!target.namespace || object.metadata.namespace === target.namespace) && isSelected(object, query)
  const tell = ({ resource, type, object, previous }: HistoryEntry) => {
    if (resource !== target.resource) return
    const before = previous !== undefined && isMine(previous)
    const after = type !== 'DELETED' && isMine(object)
    // An object that starts or stops matching the selector appears or disappears, as upstream's watch has it.
    if (after) write(before ? 'MODIFIED' : 'ADDED', typed(object))
    else if (before) write('DELETED', typed(object))
  }
  if (asked === 0) {
    for (const object of store.list(target.resource, target.namespace))
      if (isSelected(object, query)) write('ADDED', typed(object))
  } else {
    for (const entry of store.history) if (entry.revision > asked) tell(entry)
  }
  response.on('close', store.subscribe(tell))
}
