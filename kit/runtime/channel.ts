/** Values handed from whoever has them to whoever waits for them, in order. One reader. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #values: T[] = []
  #ended = false
  #wake: (() => void) | undefined

  push(value: T): void {
    if (this.#ended) return
    this.#values.push(value)
    this.#wake?.()
  }

  /** What was pushed before is still read. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    while (true) {
      while (this.#values.length > 0) yield this.#values.shift()!
      if (this.#ended) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}
