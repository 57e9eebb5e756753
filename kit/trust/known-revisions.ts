/**
 * What answers tell about writes that were never answered themselves: which revisions they may be, and which not.
 *
 * A revision that no answer accounts for is a gap, and an unanswered write must fill it. There may be dozens of both, and trying all ways to bring
 * them together takes for ever. But whoever looked at a key after the gap has seen what became of it, and that leaves few ways.
 */
import {
  hasChanged,
  isSame,
  isWrite,
  keysOf,
  type StoreOperation,
  type StoreRequest,
  type Version,
} from './store-model.ts'

/** Somebody found a key like this when the store was at a revision. */
interface Sighting {
  readonly revision: number
  readonly version: Version | null
}

export class KnownRevisions {
  readonly #ofValue = new Map<string, number>()
  /** In order. */
  readonly #gaps: readonly number[]
  /** By key, in order. */
  readonly #sightings = new Map<string, Sighting[]>()
  /** By key: revisions of unanswered writes whose value somebody saw. */
  readonly #ofKey = new Map<string, number[]>()
  /** Some gap can be nobody's: no order explains that, so none need be tried. */
  readonly #isHopeless: boolean

  constructor(operations: readonly StoreOperation[]) {
    const taken = new Set<number>()
    let last = 1
    for (const { request, answer } of operations) {
      if (!answer) continue
      const { revision, found } = answer
      last = Math.max(last, revision)
      if (hasChanged(request, answer)) taken.add(revision)
      for (const [key, version] of Object.entries(found)) {
        this.#sight(key, { revision: hasChanged(request, answer) ? revision - 1 : revision, version })
        if (!version) continue
        this.#ofValue.set(version.value, version.modRevision)
        taken.add(version.modRevision)
      }
    }
    for (const sightings of this.#sightings.values()) sightings.sort((a, b) => a.revision - b.revision)
    for (const { request, answer } of operations) {
      if (answer || !this.#isSeen(request)) continue
      const revision = this.#ofValue.get(request.value)!
      for (const key of keysOf(request)) this.#ofKey.set(key, [...(this.#ofKey.get(key) ?? []), revision])
    }
    const unseen = operations.filter(({ request, answer }) => !answer && isWrite(request) && !this.#isSeen(request))
    const isTooMany = last - 1 - taken.size > unseen.length
    this.#gaps = isTooMany
      ? []
      : Array.from({ length: last - 1 }, (_, index) => index + 2).filter((one) => !taken.has(one))
    this.#isHopeless =
      isTooMany || !this.#gaps.every((gap) => unseen.some(({ request }) => this.#mayFill(request, gap)))
  }

  /** Whether an unanswered write may be the one of this revision. Those after all that anybody saw explain nothing. */
  mayTake(request: StoreRequest, revision: number): boolean {
    if (this.#isSeen(request)) return revision === this.#ofValue.get(request.value)
    return !this.#isHopeless && this.#gaps.includes(revision) && this.#mayFill(request, revision)
  }

  /** Of writes that nobody saw, those with equal texts may stand for each other. */
  twins(request: StoreRequest): string | undefined {
    if (this.#isSeen(request)) return undefined
    return `${request.kind} ${keysOf(request).join()} ${request.kind === 'swap' ? request.ifRevision : ''}`
  }

  /** Whether what was seen of each key later can still come about, with these versions at this revision. */
  mayBecome(versions: ReadonlyMap<string, Version>, revision: number): boolean {
    for (const key of this.#sightings.keys()) {
      const next = this.#nextSighting(key, revision)
      if (next && !this.#mayLeadTo(key, versions.get(key) ?? null, revision, next)) return false
    }
    return true
  }

  #mayLeadTo(
    key: string,
    version: Version | null,
    revision: number,
    { revision: seenAt, version: seen }: Sighting,
  ): boolean {
    if (seen && seen.modRevision <= revision) return version !== null && isSame(version, seen)
    const endOfLife = seen ? seen.createRevision - 1 : seenAt
    const livesOn = seen !== null && seen.createRevision <= revision
    // Only an unanswered deletion can end its life unseen.
    if (!livesOn) return version === null || this.#gapsBetween(revision, endOfLife) > 0
    if (version?.createRevision !== seen.createRevision) return false
    const putsLeft = seen.version - version.version
    return putsLeft > 0 && putsLeft <= 1 + this.#writesBetween(key, revision, seen.modRevision - 1)
  }

  /** Writes of a key that nobody answered for, as far as they are known, and those that may be. Both ends are given as `after < x <= upTo`. */
  #writesBetween(key: string, after: number, upTo: number): number {
    const known = this.#ofKey.get(key)?.filter((revision) => revision > after && revision <= upTo).length ?? 0
    return known + this.#gapsBetween(after, upTo)
  }

  #gapsBetween(after: number, upTo: number): number {
    return this.#gaps.filter((gap) => gap > after && gap <= upTo).length
  }

  #nextSighting(key: string, revision: number): Sighting | undefined {
    return this.#sightings.get(key)?.find((sighting) => sighting.revision >= revision)
  }

  #mayFill(request: StoreRequest, gap: number): boolean {
    return keysOf(request).every((key) => {
      const next = this.#nextSighting(key, gap)
      if (!next) return true
      if (next.version && next.version.modRevision < gap) return false
      if (request.kind === 'delete') return next.version === null || next.version.createRevision > gap
      // Nobody saw this value, so it was gone when the key was looked at: another gap is where it was deleted.
      return next.version !== null || this.#gapsBetween(gap, next.revision) > 0
    })
  }

  #sight(key: string, sighting: Sighting): void {
    const sightings = this.#sightings.get(key)
    if (sightings) sightings.push(sighting)
    else this.#sightings.set(key, [sighting])
  }

  #isSeen(request: StoreRequest): request is StoreRequest & { value: string } {
    return 'value' in request && this.#ofValue.has(request.value)
  }
}
