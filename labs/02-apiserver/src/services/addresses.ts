/**
 * What a Service gets from the server: a cluster IP, and node ports.
 *
 * Guarantee: no two Services have the same. Taking happens before the Service is stored, giving back after it is gone (or
 * was not stored after all), so a crash in between can only lose a number, and `repair` finds it again.
 *
 * Source: kubernetes `pkg/registry/core/service/storage/alloc.go`, `pkg/registry/core/service/{ipallocator,portallocator}`.
 */
import type { ApiObject, Service } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { goValue, invalidValue } from '../validation/field-errors.ts'
import { addressAt, type Ipv4Range, offsetOf, parseIpv4Range } from './ipv4-range.ts'
import { RangeAllocator } from './range-allocator.ts'

const FIRST_NODE_PORT = 30_000
const LAST_NODE_PORT = 32_767
const NODE_PORT_RANGE = `${FIRST_NODE_PORT}-${LAST_NODE_PORT}`

/** What was taken for a Service: either kept (`release` is never called) or given back. */
export interface Claims {
  readonly errors: readonly FieldError[]
  release(): Promise<void>
}

export class ServiceAddresses {
  readonly #range: Ipv4Range
  readonly #ips: RangeAllocator
  readonly #ports: RangeAllocator

  constructor(objects: ObjectStore, clusterIpRange: string, random: () => number) {
    this.#range = parseIpv4Range(clusterIpRange)
    this.#ips = new RangeAllocator(objects, {
      key: '/registry/ranges/serviceips',
      range: clusterIpRange,
      size: this.#range.size,
      random,
    })
    this.#ports = new RangeAllocator(objects, {
      key: '/registry/ranges/servicenodeports',
      range: NODE_PORT_RANGE,
      size: LAST_NODE_PORT - FIRST_NODE_PORT + 1,
      random,
    })
  }

  /**
   * Fills in what the draft still needs beyond what its older form has, and takes what it asks for by name. With errors,
   * nothing has been taken.
   */
  async claim(draft: ApiObject, old?: ApiObject): Promise<Claims> {
    const undo: (() => Promise<void>)[] = []
    const release = async () => {
      for (const step of undo.splice(0)) await step()
    }
    try {
      const errors = [
        ...(await this.#claimIp(draft as Service, old as Service | undefined, undo)),
        ...(await this.#claimPorts(draft as Service, old as Service | undefined, undo)),
      ]
      if (errors.length > 0) await release()
      return { errors, release }
    } catch (error) {
      await release()
      throw error
    }
  }

  /** Gives back what `old` had and `kept` (absent: nothing) no longer has. */
  async release(old: ApiObject, kept?: ApiObject): Promise<void> {
    const [had, has] = [this.#offsets(old), kept ? this.#offsets(kept) : { ips: [], ports: [] }]
    for (const offset of had.ips) if (!has.ips.includes(offset)) await this.#ips.release(offset)
    for (const offset of had.ports) if (!has.ports.includes(offset)) await this.#ports.release(offset)
  }

  /** Sets both ranges to what these Services have. */
  async repair(services: readonly ApiObject[]): Promise<void> {
    const all = services.map((service) => this.#offsets(service))
    await this.#ips.repair(all.flatMap(({ ips }) => ips))
    await this.#ports.repair(all.flatMap(({ ports }) => ports))
  }

  async #claimIp({ spec }: Service, old: Service | undefined, undo: (() => Promise<void>)[]): Promise<FieldError[]> {
    if (!spec || spec.type === 'ExternalName') return []
    if (spec.clusterIP === 'None') {
      spec.clusterIPs = ['None']
      return []
    }
    if (spec.clusterIP && spec.clusterIP === old?.spec?.clusterIP) return []
    const wanted = spec.clusterIP || spec.clusterIPs?.[0]
    const offset = wanted ? offsetOf(this.#range, wanted) : await this.#ips.takeAny()
    if (wanted) {
      const problem =
        offset === undefined
          ? `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${this.#range.text}`
          : (await this.#ips.take(offset))
            ? undefined
            : 'provided IP is already allocated'
      if (problem) {
        return [invalidValue('spec.clusterIPs', goValue([wanted]), `failed to allocate IP ${wanted}: ${problem}`)]
      }
    }
    if (offset === undefined) {
      return [invalidValue('spec.clusterIPs', goValue([]), 'failed to allocate IP: range is full')]
    }
    undo.push(() => this.#ips.release(offset))
    spec.clusterIP = addressAt(this.#range, offset)
    spec.clusterIPs = [spec.clusterIP]
    return []
  }

  async #claimPorts({ spec }: Service, old: Service | undefined, undo: (() => Promise<void>)[]): Promise<FieldError[]> {
    const needsPorts =
      spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
    if (!needsPorts) return []
    const errors: FieldError[] = []
    // One number serves several protocols of one Service.
    const ours = new Set((old?.spec?.ports ?? []).map(({ nodePort }) => nodePort))
    for (const [i, port] of (spec.ports ?? []).entries()) {
      const wanted = port.nodePort
      if (wanted && ours.has(wanted)) continue
      const offset = wanted ? wanted - FIRST_NODE_PORT : await this.#ports.takeAny()
      if (wanted) {
        const problem =
          wanted < FIRST_NODE_PORT || wanted > LAST_NODE_PORT
            ? `provided port is not in the valid range. The range of valid ports is ${NODE_PORT_RANGE}`
            : (await this.#ports.take(wanted - FIRST_NODE_PORT))
              ? undefined
              : 'provided port is already allocated'
        if (problem) {
          errors.push(invalidValue(`spec.ports[${i}].nodePort`, String(wanted), problem))
          continue
        }
      }
      if (offset === undefined) {
        errors.push(invalidValue(`spec.ports[${i}].nodePort`, '0', 'failed to allocate a nodePort: range is full'))
        continue
      }
      undo.push(() => this.#ports.release(offset))
      port.nodePort = FIRST_NODE_PORT + offset
      ours.add(port.nodePort)
    }
    return errors
  }

  #offsets(service: ApiObject): { ips: number[]; ports: number[] } {
    const { spec } = service as Service
    const ip = spec?.clusterIP && spec.clusterIP !== 'None' ? offsetOf(this.#range, spec.clusterIP) : undefined
    const ports = (spec?.ports ?? []).map(({ nodePort = 0 }) => nodePort - FIRST_NODE_PORT).filter((port) => port >= 0)
    return { ips: ip === undefined ? [] : [ip], ports: [...new Set(ports)] }
  }
}
