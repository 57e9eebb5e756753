/**
 * What every request of one server shares.
 */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { StatusError } from '../api/status-error.ts'
import type { HttpServerOptions } from '../contracts/apiserver.ts'
import { isNotImplemented } from '../contracts/not-implemented.ts'
import type { DocumentSources } from './documents.ts'
import type { KubeletConnection } from './kubelet-connection.ts'
import type { ProxyConnection } from './proxy-connection.ts'
import type { RequestMetrics } from './request-metrics.ts'

export interface Shell {
  readonly options: HttpServerOptions
  readonly metrics: RequestMetrics
  readonly kubelets: KubeletConnection
  readonly proxies: ProxyConnection
  /** Ends a watch, for each that is under way. */
  readonly watches: Set<() => void>
  readonly sources: DocumentSources
}

/** What we did not mean to happen. Clients that go away in the middle of an answer are their own business. */
export function logOurFault(
  { options }: Shell,
  { method, url }: { method?: string | undefined; url?: string | undefined },
  connection: Duplex | ServerResponse,
  error: unknown,
): void {
  if (error instanceof StatusError || isNotImplemented(error) || connection.destroyed) return
  options.log?.error(`${method} ${url}`, error)
}
