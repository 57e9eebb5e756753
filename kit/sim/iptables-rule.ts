/**
 * Reads one iptables rule into its matches and its target, in whatever order and spelling they come.
 *
 * Source: iptables(8), iptables-extensions(8). Only what kube-proxy's rules use; anything else is an error that names it,
 * so that a rule the simulator does not understand is never taken for one that does nothing.
 */

/** One condition. All of a rule's conditions must hold. */
export type Match =
  | { readonly kind: 'source' | 'destination'; readonly not: boolean; readonly cidr: string }
  | { readonly kind: 'protocol'; readonly not: boolean; readonly protocol: string }
  | {
      readonly kind: 'destination-port' | 'source-port'
      readonly not: boolean
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'source-type' | 'destination-type'; readonly not: boolean; readonly type: string }
  | { readonly kind: 'mark'; readonly not: boolean; readonly value: number; readonly mask: number }
  | { readonly kind: 'connection'; readonly not: boolean; readonly states: readonly string[] }
  | { readonly kind: 'random'; readonly probability: number }
  | {
      readonly kind: 'recent'
      readonly action: 'set' | 'check'
      readonly list: string
      readonly seconds: number | undefined
    }

export type Target =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'none' }
  | { readonly kind: 'reject'; readonly reply: string }
  /** new mark = (mark & ~mask) ^ value */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | Translation
  | { readonly kind: 'chain'; readonly chain: string }

export type Translation =
  | { readonly kind: 'masquerade' }
  | { readonly kind: 'dnat' | 'snat'; readonly address: string; readonly port: number | undefined }

export interface ParsedRule {
  readonly matches: readonly Match[]
  readonly target: Target
}

/** Known modules: naming one does nothing by itself. */
const MODULES = ['comment', 'tcp', 'udp', 'sctp', 'addrtype', 'mark', 'conntrack', 'statistic', 'recent', 'nfacct']

export function parseRule(text: string): ParsedRule {
  const words = new RuleWords(text)
  const matches: Match[] = []
  let target: Target = { kind: 'none' }
  while (!words.atEnd()) {
    const not = words.take('!')
    const option = words.next()
    if (option === '-j' || option === '--jump') target = parseTarget(words)
    else matches.push(...parseMatch(option, not, words))
  }
  return { matches, target }
}

function parseMatch(option: string, not: boolean, words: RuleWords): Match[] {
  switch (option) {
    case '-m':
    case '--match':
      return parseModule(words)
    case '--comment':
    case '--nfacct-name':
      words.next()
      return []
    case '-s':
    case '--source':
      return [{ kind: 'source', not, cidr: words.next() }]
    case '-d':
    case '--destination':
      return [{ kind: 'destination', not, cidr: words.next() }]
    case '-p':
    case '--protocol':
      return [{ kind: 'protocol', not, protocol: words.next() }]
    case '--dport':
    case '--destination-port':
      return [{ kind: 'destination-port', not, ...words.portRange() }]
    case '--sport':
    case '--source-port':
      return [{ kind: 'source-port', not, ...words.portRange() }]
    case '--src-type':
      return [{ kind: 'source-type', not, type: words.next() }]
    case '--dst-type':
      return [{ kind: 'destination-type', not, type: words.next() }]
    case '--mark':
      return [{ kind: 'mark', not, ...words.valueAndMask() }]
    case '--ctstate':
      return [{ kind: 'connection', not, states: words.next().split(',') }]
    default:
      throw words.unknown(option)
  }
}

/** `-m statistic …` and `-m recent …` mean something as a whole; the other modules only through their options. */
function parseModule(words: RuleWords): Match[] {
  const module = words.next()
  if (module === 'statistic') return [parseStatistic(words)]
  if (module === 'recent') return [parseRecent(words)]
  if (!MODULES.includes(module)) throw words.unknown(`-m ${module}`)
  return []
}

function parseStatistic(words: RuleWords): Match {
  if (!words.take('--mode') || words.next() !== 'random') throw words.unknown('-m statistic without --mode random')
  if (!words.take('--probability')) throw words.unknown('-m statistic without --probability')
  return { kind: 'random', probability: Number(words.next()) }
}

function parseRecent(words: RuleWords): Match {
  let action: 'set' | 'check' | undefined
  let list = 'DEFAULT'
  let seconds: number | undefined
  for (;;) {
    if (words.take('--set')) action = 'set'
    else if (words.take('--rcheck')) action = 'check'
    else if (words.take('--name')) list = words.next()
    else if (words.take('--seconds')) seconds = Number(words.next())
    else if (words.take('--mask')) words.next()
    else if (!words.take('--reap') && !words.take('--rsource')) break
  }
  if (!action) throw words.unknown('-m recent without --set or --rcheck')
  return { kind: 'recent', action, list, seconds }
}

function parseTarget(words: RuleWords): Target {
  const name = words.next()
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' }
    case 'DROP':
      return { kind: 'drop' }
    case 'RETURN':
      return { kind: 'return' }
    case 'MASQUERADE':
      words.take('--random-fully')
      return { kind: 'masquerade' }
    case 'REJECT':
      return { kind: 'reject', reply: words.take('--reject-with') ? words.next() : 'icmp-port-unreachable' }
    case 'MARK':
      return parseMarkTarget(words)
    case 'DNAT':
      return { kind: 'dnat', ...parseAddress(words, '--to-destination') }
    case 'SNAT':
      return { kind: 'snat', ...parseAddress(words, '--to-source') }
    default:
      return { kind: 'chain', chain: name }
  }
}

function parseMarkTarget(words: RuleWords): Target {
  const option = words.next()
  if (option === '--set-xmark') return { kind: 'mark', ...words.valueAndMask() }
  if (option === '--or-mark') {
    const { value } = words.valueAndMask()
    return { kind: 'mark', value, mask: value }
  }
  if (option === '--set-mark') {
    const { value, mask } = words.valueAndMask()
    return { kind: 'mark', value, mask: (value | mask) >>> 0 }
  }
  throw words.unknown(`MARK ${option}`)
}

function parseAddress(words: RuleWords, option: string): { address: string; port: number | undefined } {
  if (!words.take(option)) throw words.unknown(`DNAT or SNAT without ${option}`)
  const [address = '', port] = words.next().split(':')
  return { address, port: port === undefined ? undefined : Number(port) }
}

/** The words of a rule; quoted ones may hold blanks. */
class RuleWords {
  readonly #text: string
  readonly #words: string[]
  #position = 0

  constructor(text: string) {
    this.#text = text
    this.#words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  }

  atEnd(): boolean {
    return this.#position >= this.#words.length
  }

  next(): string {
    const word = this.#words[this.#position++]
    if (word === undefined) throw new Error(`This rule ends too early: ${this.#text}`)
    return word
  }

  /** Steps over the word if it is the next one. */
  take(word: string): boolean {
    if (this.#words[this.#position] !== word) return false
    this.#position++
    return true
  }

  portRange(): { from: number; to: number } {
    const [from = '', to = from] = this.next().split(':')
    return { from: Number(from), to: Number(to) }
  }

  /** "0x4000/0x4000"; without a mask, all bits count. */
  valueAndMask(): { value: number; mask: number } {
    const [value = '', mask = '0xffffffff'] = this.next().split('/')
    return { value: Number(value) >>> 0, mask: Number(mask) >>> 0 }
  }

  unknown(what: string): Error {
    return new Error(`The packet simulator does not know "${what}" in this rule: ${this.#text}`)
  }
}
