/** Quantities against the examples of upstream's own documentation and tests. */
import { describe, expect, it } from 'vitest'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  cpuMillicores,
  formatQuantity,
  isQuantity,
  memoryBytes,
  parseQuantity,
} from './quantity.ts'

describe('quantities (apimachinery pkg/api/resource)', () => {
  it.each([
    ['0', '0'],
    ['1', '1'],
    ['0.5', '500m'],
    ['1.5', '1500m'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['1.5Ki', '1536'],
    ['512Ki', '512Ki'],
    ['1000k', '1M'],
    ['1E', '1E'],
    ['1e3', '1e3'],
    ['12E6', '12e6'],
    ['1.5e1', '15'],
    ['+5', '5'],
    ['-2048Ki', '-2Mi'],
    ['.5', '500m'],
    ['5.', '5'],
    ['1000', '1k'],
    ['100Mi', '100Mi'],
    ['0.1n', '1n'],
    ['9999999999E', '9223372036854775807'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical)
    expect(canonicalQuantity(canonical)).toBe(canonical)
  })

  it.each(['', '.', '-', '1 Gi', '1KI', '1ki', 'Mi', '1e', '1mm', '0x10', 'NaN', '1,5', '1.2.3'])(
    'refuses %j',
    (text) => {
      expect(isQuantity(text)).toBe(false)
    },
  )

  it('bounds absurd exponents instead of computing them', () => {
    expect(canonicalQuantity('1e99999999999')).toBe('9223372036854775807')
    expect(canonicalQuantity('1e-99999999999')).toBe('1e-9')
  })

  it('counts millicores and bytes, rounding up', () => {
    expect(cpuMillicores('100m')).toBe(100)
    expect(cpuMillicores('0.1')).toBe(100)
    expect(cpuMillicores(2)).toBe(2000)
    expect(cpuMillicores('1u')).toBe(1)
    expect(memoryBytes('1Ki')).toBe(1024)
    expect(memoryBytes('1.5')).toBe(2)
    expect(memoryBytes('500M')).toBe(500_000_000)
  })

  it('compares and adds exactly', () => {
    expect(compareQuantities(parseQuantity('1Gi'), parseQuantity('1024Mi'))).toBe(0)
    expect(compareQuantities(parseQuantity('999m'), parseQuantity('1'))).toBeLessThan(0)
    expect(formatQuantity(addQuantities(parseQuantity('0.1'), parseQuantity('0.2')))).toBe('300m')
    expect(formatQuantity(addQuantities(parseQuantity('0'), parseQuantity('1Gi')))).toBe('1Gi')
  })
})
