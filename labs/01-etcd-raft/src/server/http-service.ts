/**
 * What a member says in plain HTTP, on the same port: whether it is well, and which version it is. For curl, probes and load balancers.
 * Source: etcd `server/etcdserver/api/etcdhttp`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Engine } from './engine.ts'
import { API_VERSION } from './maintenance-service.ts'

/** Has no port of its own: connections are given to it. */
export function createHttpService(engine: Engine): Server {
  return createServer((request, response) => void answer(engine, request, response))
}

async function answer(engine: Engine, { method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(url ?? '/', 'http://member')
  if (pathname !== '/health' && pathname !== '/version') return send(response, 404, '404 page not found\n')
  if (method !== 'GET') return send(response, 405, 'Method Not Allowed\n')
  if (pathname === '/version') {
    const etcdcluster = API_VERSION.replace(/\d+$/, '0')
    return send(response, 200, JSON.stringify({ etcdserver: API_VERSION, etcdcluster }))
  }
  const reason = await illness(engine, searchParams)
  send(response, reason === '' ? 200 : 503, JSON.stringify({ health: String(reason === ''), reason }))
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': text.startsWith('{') ? 'application/json' : 'text/plain' })
  response.end(text)
}

/** Why the member is not well; empty when it is. `exclude` names alarms that do not count; with `serializable` its own store is enough. */
async function illness(engine: Engine, asked: URLSearchParams): Promise<string> {
  const excluded = asked.getAll('exclude')
  const alarm = engine.machine.alarms.list().find((raised) => !excluded.includes(raised.alarm))
  if (alarm) return `ALARM ${alarm.alarm}`
  if (asked.get('serializable') === 'true') return ''
  if (engine.status().leader === null) return 'RAFT NO LEADER'
  try {
    await engine.waitForFreshRead()
    return ''
  } catch (error) {
    return `RANGE ERROR:${error instanceof Error ? error.message : error}`
  }
}
