/**
 * Amounts of things by name, as quotas count them: `{ pods: '3', 'requests.cpu': '1500m' }`. Missing is not the same as
 * zero: a quota that says nothing about memory does not limit it.
 *
 * Source: apiserver `pkg/quota/v1/resources.go`.
 */
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  subtractQuantities,
} from '../api/quantity.ts'

export type Amounts = Readonly<Record<string, string>>

/** Each name of either side, summed. */
export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, addQuantities)
}

/** `a` minus `b`, for each name of either side; may be negative. */
export function subtractAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, subtractQuantities)
}

/** For each name of either side the larger amount. */
export function largerAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (left, right) => (compareQuantities(left, right) < 0 ? right : left))
}

/** Only what is counted under one of these names. */
export function onlyNamed(amounts: Amounts, names: readonly string[]): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => names.includes(name)))
}

export function withoutZeros(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => parseQuantity(amount).nanos !== 0n))
}

/** Without what is below zero. */
export function withoutNegatives(amounts: Amounts): Amounts {
  const negative = negativeNames(amounts)
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => !negative.includes(name)))
}

export function negativeNames(amounts: Amounts): string[] {
  return Object.keys(amounts).filter((name) => quantityOf(amounts, name).nanos < 0n)
}

/** The names of which there is more than the limit; names without a limit are not limited. */
export function namesAbove(amounts: Amounts, limits: Amounts): string[] {
  return Object.keys(amounts).filter((name) => {
    const limit = limits[name]
    return limit !== undefined && compareQuantities(quantityOf(amounts, name), parseQuantity(limit)) > 0
  })
}

/** The same names with the same amounts: "1" is "1000m". */
export function sameAmounts(a: Amounts = {}, b: Amounts = {}): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => name in b && compareQuantities(quantityOf(a, name), quantityOf(b, name)) === 0)
  )
}

/** "pods=1,requests.cpu=100m", sorted: how messages show amounts. */
export function printAmounts(amounts: Amounts): string {
  const names = Object.keys(amounts).sort()
  return names.map((name) => `${name}=${formatQuantity(quantityOf(amounts, name))}`).join(',')
}

function combine(a: Amounts, b: Amounts, operation: (a: Quantity, b: Quantity) => Quantity): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries(
    [...names].map((name) => {
      const left = a[name]
      const right = b[name]
      // A name that only one side has keeps the way in which that side writes it.
      if (left === undefined)
        return [name, formatQuantity(operation(zeroLike(quantityOf(b, name)), quantityOf(b, name)))]
      if (right === undefined)
        return [name, formatQuantity(operation(quantityOf(a, name), zeroLike(quantityOf(a, name))))]
      return [name, formatQuantity(operation(quantityOf(a, name), quantityOf(b, name)))]
    }),
  )
}

function quantityOf(amounts: Amounts, name: string): Quantity {
  return parseQuantity(amounts[name] ?? '0')
}

function zeroLike({ format }: Quantity): Quantity {
  return { nanos: 0n, format }
}
