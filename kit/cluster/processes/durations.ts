/** "40s", "1m30s", "500ms": Go's durations as far as flags use them. */
export function parseDurationMs(text: string): number {
  const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new Error(`"${text}" is not a duration. Write it like 40s or 1m30s.`)
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitsMs[unit as keyof typeof unitsMs], 0)
}
