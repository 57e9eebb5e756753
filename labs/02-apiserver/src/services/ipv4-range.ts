/** A range of IPv4 addresses as numbers: "10.96.0.0/16" has 65,534 that can be used, the first being 10.96.0.1. */
export interface Ipv4Range {
  readonly text: string
  /** The first address that can be used. */
  readonly first: number
  readonly size: number
}

/** Ranges larger than this are used only in part, as upstream does: a bitmap has to hold them. */
const MAX_SIZE = 65_536

/** Without the network's own address and the broadcast address. */
export function parseIpv4Range(text: string): Ipv4Range {
  const [address = '', bits = ''] = text.split('/')
  const base = toNumber(address)
  const prefix = Number(bits)
  if (base === undefined || bits === '' || !(prefix >= 0 && prefix <= 30)) {
    throw new RangeError(`not an IPv4 range: "${text}" (expected for instance 10.96.0.0/16)`)
  }
  const total = 2 ** (32 - prefix)
  const network = Math.floor(base / total) * total
  return { text, first: network + 1, size: Math.min(total - 2, MAX_SIZE) }
}

export function addressAt({ first }: Ipv4Range, offset: number): string {
  const number = first + offset
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}

export function offsetOf({ first, size }: Ipv4Range, address: string): number | undefined {
  const number = toNumber(address)
  if (number === undefined) return undefined
  const offset = number - first
  return offset >= 0 && offset < size ? offset : undefined
}

function toNumber(address: string): number | undefined {
  const parts = address.split('.').map(Number)
  const isAddress = parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)
  return isAddress ? parts.reduce((number, part) => number * 256 + part, 0) : undefined
}
