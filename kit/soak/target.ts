/**
 * Something that can be soaked: run with one seed after another, for as long as one likes, to see whether any of them breaks a rule.
 */
export interface SoakTarget {
  readonly name: string
  /** What it tries, in a few words. */
  readonly about: string
  /** How many seeds a run tries unless it is told. */
  readonly seeds: number
  /** Once per process that soaks it. */
  open(): Promise<Soaking>
}

export interface Soaking {
  /** Undefined when all went well. */
  tryOut(seed: number): Promise<Finding | undefined>
  close(): Promise<void>
}

export interface Finding {
  readonly seed: number
  /** Who did what, and which rule that breaks. */
  readonly sentence: string
  /** A page that shows it, from the repository's root. */
  readonly page?: string
  /** The command that shows it again. */
  readonly replay: string
}
