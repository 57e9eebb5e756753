/** A door that opens once, and lets through whoever has come and whoever comes. */
export class Latch {
  readonly opened: Promise<void>
  #isOpen = false
  #letThrough = () => {}

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#letThrough = resolve
    })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  open(): void {
    this.#isOpen = true
    this.#letThrough()
  }
}
