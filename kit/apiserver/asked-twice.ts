/**
 * What a server writes comes back to it as an event, and often sooner than the answer to the write. Whichever comes first makes an
 * object of the text, and the other gets the same one: nothing is parsed twice, and there are no two copies of it.
 *
 * Guarantee: only the very same text of the same revision gives the same object. What nobody asks for a second time (the
 * writes of other servers) is forgotten when newer texts have come to `MOST_CHARACTERS`.
 */
const MOST_CHARACTERS = 4 * 1024 * 1024

interface Asked<T> {
  readonly text: string
  readonly made: T
}

export class AskedTwice<T> {
  /** By revision, the oldest first. */
  readonly #asked = new Map<number, Asked<T>>()
  #characters = 0

  of(revision: number, text: string, make: () => T): T {
    const known = this.#asked.get(revision)
    if (known) this.#forget(revision, known)
    if (known?.text === text) return known.made
    const made = make()
    this.#asked.set(revision, { text, made })
    this.#characters += text.length
    for (const [oldest, asked] of this.#asked) {
      if (this.#characters <= MOST_CHARACTERS) break
      this.#forget(oldest, asked)
    }
    return made
  }

  #forget(revision: number, { text }: Asked<T>): void {
    this.#asked.delete(revision)
    this.#characters -= text.length
  }
}
