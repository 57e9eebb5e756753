/** The one line that changes while tests run; nothing at all where output is not a terminal. */
export interface ProgressLine {
  show(text: string): void
  clear(): void
}

export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  let shown = false
  return {
    show(text) {
      if (!stream.isTTY) return
      stream.write(`\r\u001b[2K${text.slice(0, (stream.columns ?? 80) - 1)}`)
      shown = true
    },
    clear() {
      if (shown) stream.write('\r\u001b[2K')
      shown = false
    },
  }
}
