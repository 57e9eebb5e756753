/**
 * Kubernetes quantities: "100m", "1.5", "128Mi", "2e3". Exact, because 0.1 + 0.2 must be 300m and nothing else.
 *
 * A quantity is a whole number of nanos (10⁻⁹) in a bigint, plus the family of suffixes that it was written in, so that
 * formatting gives back the canonical form: no fraction, the largest suffix that loses nothing, `1024Mi` → `1Gi`.
 * As upstream: what is finer than a nano rounds away from zero, and what is larger than 2⁶³−1 is capped there.
 *
 * Source: apimachinery `pkg/api/resource/quantity.go`, `suffix.go`.
 */

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

export interface Quantity {
  /** The value times 10⁹. */
  readonly nanos: bigint
  /** Which suffixes to write it with. */
  readonly format: QuantityFormat
}

/** The text is not a quantity. The message is upstream's, which the API server shows to users. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError'

  constructor() {
    super(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)
  }
}

const NANOS_PER_UNIT = 10n ** 9n
const MAX_NANOS = (2n ** 63n - 1n) * NANOS_PER_UNIT
/** No quantity below 2⁶³ needs more; a bound, so that "1e999999999" costs nothing. */
const MAX_EXPONENT = 100

/** Power of ten of each decimal suffix, smallest first. */
const DECIMAL_SUFFIXES: readonly (readonly [string, number])[] = [
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]

/** The nth suffix means 1024ⁿ. */
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const

/** Numbers are accepted because YAML and JSON write `cpu: 2` without quotes. Throws QuantityError. */
export function parseQuantity(text: string | number): Quantity {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)$/.exec(String(text))
  const [, sign, whole = '', fraction = '', suffix = ''] = match ?? []
  if (!match || whole + fraction === '') throw new QuantityError()

  const digits = BigInt(whole + fraction)
  const { format, multiplier, exponent } = suffixMeaning(suffix)
  const scale = exponent - fraction.length + 9
  const magnitude =
    scale >= 0
      ? digits * multiplier * 10n ** BigInt(scale)
      : divideRoundingUp(digits * multiplier, 10n ** BigInt(-scale))
  const nanos = sign === '-' ? -magnitude : magnitude
  return { nanos: nanos > MAX_NANOS ? MAX_NANOS : nanos < -MAX_NANOS ? -MAX_NANOS : nanos, format }
}

/** True when `parseQuantity` would accept it. */
export function isQuantity(text: string | number): boolean {
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}

/** The canonical form, which is what the API server stores and kubectl shows. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0'
  if (format === 'BinarySI' && canBeBinary(nanos)) return formatBinary(nanos / NANOS_PER_UNIT)
  return formatDecimal(nanos, format === 'DecimalExponent')
}

/** "1024Mi" → "1Gi". Throws QuantityError. */
export function canonicalQuantity(text: string | number): string {
  return formatQuantity(parseQuantity(text))
}

/** Negative, zero or positive, for sorting: "1Gi" equals "1024Mi". */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0
}

/** The sum in `a`'s format; upstream too keeps the format of the left side, unless that is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format }
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos, format: a.nanos === 0n ? b.format : a.format }
}

/** Whole units, rounded away from zero: bytes, pieces. Exact below 2⁵³. */
export function quantityValue(text: string | number): number {
  return roundedTo(NANOS_PER_UNIT, text)
}

/** Thousandths of a CPU, rounded away from zero: "1.5" → 1500, "1u" → 1. */
export function cpuMillicores(text: string | number): number {
  return roundedTo(NANOS_PER_UNIT / 1000n, text)
}

/** Bytes, rounded away from zero: "1Ki" → 1024. */
export function memoryBytes(text: string | number): number {
  return quantityValue(text)
}

function roundedTo(unitNanos: bigint, text: string | number): number {
  const { nanos } = parseQuantity(text)
  return nanos < 0n ? -Number(divideRoundingUp(-nanos, unitNanos)) : Number(divideRoundingUp(nanos, unitNanos))
}

function suffixMeaning(suffix: string): { format: QuantityFormat; multiplier: bigint; exponent: number } {
  const binary = suffix === '' ? -1 : (BINARY_SUFFIXES as readonly string[]).indexOf(suffix)
  if (binary > 0) return { format: 'BinarySI', multiplier: 1024n ** BigInt(binary), exponent: 0 }
  const decimal = DECIMAL_SUFFIXES.find(([name]) => name === suffix)
  if (decimal) return { format: 'DecimalSI', multiplier: 1n, exponent: decimal[1] }
  const exponent = Math.max(-MAX_EXPONENT, Math.min(MAX_EXPONENT, Number(suffix.slice(1))))
  return { format: 'DecimalExponent', multiplier: 1n, exponent }
}

function divideRoundingUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor
}

/** Small or fractional values are written in decimal even if they came as binary: "0.5Ki" is 512, not 0.5Ki. */
function canBeBinary(nanos: bigint): boolean {
  const magnitude = nanos < 0n ? -nanos : nanos
  return magnitude >= 1024n * NANOS_PER_UNIT && nanos % NANOS_PER_UNIT === 0n
}

function formatBinary(value: bigint): string {
  let suffix = 0
  let rest = value
  while (rest % 1024n === 0n && suffix < BINARY_SUFFIXES.length - 1) {
    rest /= 1024n
    suffix++
  }
  return `${rest}${BINARY_SUFFIXES[suffix]}`
}

function formatDecimal(nanos: bigint, asExponent: boolean): string {
  let suffix = 0
  let rest = nanos
  while (rest % 1000n === 0n && suffix < DECIMAL_SUFFIXES.length - 1) {
    rest /= 1000n
    suffix++
  }
  const [name, exponent] = DECIMAL_SUFFIXES[suffix]!
  if (!asExponent) return `${rest}${name}`
  return exponent === 0 ? `${rest}` : `${rest}e${exponent}`
}
