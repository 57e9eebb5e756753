/**
 * Walks a packet through iptables rules, so that tests ask what rules mean and not how they are spelled.
 *
 * The path is netfilter's, for the first packet of a connection (NAT decides only on that one):
 *
 *   from the network   nat PREROUTING → is it for this host? → filter INPUT
 *                                       otherwise            → filter FORWARD → nat POSTROUTING
 *   from this host     nat OUTPUT → filter OUTPUT → nat POSTROUTING (unless it stays here)
 *
 * Chance is not left to chance: `allWalks` follows both answers of every random rule and says how likely each end is.
 */
import type { Rules, TableName } from '../contracts/proxy-rules.ts'
import { type Match, type ParsedRule, parseRule, type Translation } from './iptables-rule.ts'

export interface Packet {
  readonly source: string
  readonly destination: string
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
  /** Its mark when it arrives. Default: 0. */
  readonly mark?: number
  /** "network": arrives at the node. "node": sent by a process of the node itself. Default: network. */
  readonly from?: 'network' | 'node'
}

/** When each client was last seen, by list name: what `-m recent` remembers. A walk adds to it. */
export type RecentClients = Map<string, Map<string, number>>

export interface WalkOptions {
  /** Addresses of the node itself; the first one is what masquerading puts in. Loopback is always local. */
  readonly nodeAddresses?: readonly string[]
  /** Connection state. Default: NEW. */
  readonly connection?: 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID'
  readonly recent?: RecentClients
  readonly nowSeconds?: number
  /** Answers `-m statistic`. Default: throws, since a test should say. */
  readonly choose?: (probability: number) => boolean
}

export interface Walk {
  readonly outcome: 'forwarded' | 'delivered' | 'dropped' | 'rejected'
  /** As it leaves, after translation. */
  readonly source: string
  readonly destination: string
  readonly port: number
  /** The source was replaced by the node's address. */
  readonly masqueraded: boolean
  readonly mark: number
  /** Every chain that was entered, in order: "nat PREROUTING", "nat KUBE-SERVICES", … */
  readonly chains: readonly string[]
}

export interface WalkWithProbability extends Walk {
  readonly probability: number
}

const DEFAULT_NODE_ADDRESS = '10.244.0.11'
/** Deeper than any sensible set of rules; a loop of chains is found by it. */
const MAX_DEPTH = 32

export function walkPacket(rules: Rules, packet: Packet, options: WalkOptions = {}): Walk {
  return new PacketWalk(rules, packet, options).run()
}

/** Every way a packet may go, with its probability; ways that end alike are put together. Recent clients are not remembered. */
export function allWalks(rules: Rules, packet: Packet, options: WalkOptions = {}): WalkWithProbability[] {
  const ends = new Map<string, WalkWithProbability>()
  const pending: boolean[][] = [[]]
  for (let answers = pending.pop(); answers; answers = pending.pop()) {
    let probability = 1
    let asked = 0
    const given = answers
    const walk = walkPacket(rules, packet, {
      ...options,
      recent: structuredClone(options.recent ?? new Map()),
      choose(share) {
        const answer = given[asked] ?? false
        if (asked === given.length) {
          if (share > 0) pending.push([...given, true])
          given.push(false)
        }
        asked++
        probability *= answer ? share : 1 - share
        return answer
      },
    })
    if (probability <= 0) continue
    const end = `${walk.outcome} ${walk.source} ${walk.destination}:${walk.port}`
    ends.set(end, { ...walk, probability: probability + (ends.get(end)?.probability ?? 0) })
  }
  return [...ends.values()]
}

type Verdict = 'accept' | 'drop' | 'reject' | 'return' | undefined

class PacketWalk {
  readonly #rules: Rules
  readonly #packet: Packet
  readonly #options: WalkOptions
  readonly #nodeAddresses: readonly string[]
  readonly #chains: string[] = []
  #source: string
  #destination: string
  #port: number
  #mark: number
  #translated = false
  #masqueraded = false

  constructor(rules: Rules, packet: Packet, options: WalkOptions) {
    this.#rules = rules
    this.#packet = packet
    this.#options = options
    this.#nodeAddresses = options.nodeAddresses ?? [DEFAULT_NODE_ADDRESS]
    this.#source = packet.source
    this.#destination = packet.destination
    this.#port = packet.port
    this.#mark = packet.mark ?? 0
  }

  run(): Walk {
    const fromNode = this.#packet.from === 'node'
    this.#enter('nat', fromNode ? 'OUTPUT' : 'PREROUTING')
    const staysHere = this.#isLocal(this.#destination)
    const hook = fromNode ? 'OUTPUT' : staysHere ? 'INPUT' : 'FORWARD'
    const verdict = this.#enter('filter', hook)
    if (verdict === 'drop' || verdict === 'reject') return this.#end(verdict === 'drop' ? 'dropped' : 'rejected')
    if (staysHere) return this.#end('delivered')
    this.#enter('nat', 'POSTROUTING')
    return this.#end('forwarded')
  }

  #end(outcome: Walk['outcome']): Walk {
    return {
      outcome,
      source: this.#source,
      destination: this.#destination,
      port: this.#port,
      masqueraded: this.#masqueraded,
      mark: this.#mark,
      chains: this.#chains,
    }
  }

  #enter(table: TableName, chain: string, depth = 0): Verdict {
    this.#chains.push(`${table} ${chain}`)
    if (depth > MAX_DEPTH) throw new Error(`The chains of table ${table} lead in a circle: ${this.#chains.join(' → ')}`)
    for (const text of this.#rules[table][chain] ?? []) {
      const rule = parsed(text)
      if (!rule.matches.every((match) => this.#matches(match))) continue
      const verdict = this.#apply(table, rule, text, depth)
      if (verdict === 'return') return undefined
      if (verdict) return verdict
    }
    return undefined
  }

  #apply(table: TableName, { target }: ParsedRule, text: string, depth: number): Verdict {
    switch (target.kind) {
      case 'accept':
      case 'drop':
      case 'reject':
      case 'return':
        return target.kind
      case 'none':
        return undefined
      case 'mark':
        this.#mark = ((this.#mark & ~target.mask) ^ target.value) >>> 0
        return undefined
      case 'chain':
        if (!this.#rules[table][target.chain])
          throw new Error(`No chain ${target.chain} in table ${table}, for: ${text}`)
        return this.#enter(table, target.chain, depth + 1)
      default:
        if (table !== 'nat') throw new Error(`Addresses can only be translated in table nat: ${text}`)
        return this.#translate(target)
    }
  }

  /** A translation ends the hook: the first one that matches decides. */
  #translate(target: Translation): Verdict {
    if (target.kind === 'dnat') {
      this.#destination = target.address
      this.#port = target.port ?? this.#port
      this.#translated = true
    } else {
      this.#source = target.kind === 'snat' ? target.address : (this.#nodeAddresses[0] ?? DEFAULT_NODE_ADDRESS)
      this.#masqueraded = true
    }
    return 'accept'
  }

  #matches(match: Match): boolean {
    switch (match.kind) {
      case 'source':
        return isIn(this.#source, match.cidr) !== match.not
      case 'destination':
        return isIn(this.#destination, match.cidr) !== match.not
      case 'protocol':
        return (match.protocol.toLowerCase() === this.#packet.protocol) !== match.not
      case 'destination-port':
        return (this.#port >= match.from && this.#port <= match.to) !== match.not
      case 'source-port':
        // The client's port is an ephemeral one that no rule of a Service can know.
        return match.not
      case 'source-type':
        return (match.type === 'LOCAL' && this.#isLocal(this.#source)) !== match.not
      case 'destination-type':
        return (match.type === 'LOCAL' && this.#isLocal(this.#destination)) !== match.not
      case 'mark':
        return ((this.#mark & match.mask) >>> 0 === match.value) !== match.not
      case 'connection':
        return match.states.some((state) => this.#isConnection(state)) !== match.not
      case 'random':
        return this.#choose(match.probability)
      case 'recent':
        return this.#recent(match.action, match.list, match.seconds)
    }
  }

  #isConnection(state: string): boolean {
    return state === 'DNAT' ? this.#translated : state === (this.#options.connection ?? 'NEW')
  }

  #choose(probability: number): boolean {
    if (!this.#options.choose) throw new Error('A random rule was met: use allWalks, or say what to choose.')
    return this.#options.choose(probability)
  }

  #recent(action: 'set' | 'check', list: string, seconds: number | undefined): boolean {
    const nowSeconds = this.#options.nowSeconds ?? 0
    const clients = this.#options.recent?.get(list)
    if (action === 'set') {
      const remembered = clients ?? new Map<string, number>()
      this.#options.recent?.set(list, remembered.set(this.#source, nowSeconds))
      return true
    }
    const seen = clients?.get(this.#source)
    return seen !== undefined && (seconds === undefined || nowSeconds - seen <= seconds)
  }

  #isLocal(address: string): boolean {
    return isIn(address, '127.0.0.0/8') || this.#nodeAddresses.includes(address)
  }
}

const parsedRules = new Map<string, ParsedRule>()

function parsed(text: string): ParsedRule {
  const known = parsedRules.get(text)
  if (known) return known
  const rule = parseRule(text)
  parsedRules.set(text, rule)
  return rule
}

function isIn(address: string, cidr: string): boolean {
  const [network = '', length = '32'] = cidr.split('/')
  const shift = 2 ** (32 - Number(length))
  return Math.floor(toNumber(address) / shift) === Math.floor(toNumber(network) / shift)
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}
