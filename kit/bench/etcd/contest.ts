/**
 * Ours and the real one, measured the same way in turns: what else the machine does meanwhile hits both.
 */
import type { Figure, Measured, Reference } from '../figures.ts'
import { median } from '../statistics.ts'

/** Two of the same kind; the real one only where it is installed. */
export interface Contest<System> {
  readonly ours: System
  readonly real?: System | undefined
  /** "etcd 3.4.23" */
  readonly realName: string
}

export async function eachSide<From, To>(
  { ours, real, realName }: Contest<From>,
  make: (system: From) => Promise<To> | To,
): Promise<Contest<To>> {
  return { ours: await make(ours), real: real && (await make(real)), realName }
}

/** Measures so many rounds of each, ours and the real one in turns, and gives the middle values. */
export async function measureInTurns<System>(
  { ours, real, realName }: Contest<System>,
  rounds: number,
  measure: (system: System) => Promise<number>,
): Promise<Pick<Figure, 'ours' | 'reference'>> {
  const values: { ours: number[]; real: number[] } = { ours: [], real: [] }
  for (let round = 0; round < rounds; round++) {
    values.ours.push(await measure(ours))
    if (real) values.real.push(await measure(real))
  }
  return {
    ours: { value: median(values.ours) ?? 0 },
    reference: real && reference(realName, { value: median(values.real) ?? 0 }),
  }
}

export function reference(name: string, measured: Measured): Reference {
  return { name, origin: 'measured', ...measured }
}
