/** Reads Prometheus' text format, as far as kubelets use it: one sample a line, with labels and perhaps a time. */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly atMs: number | undefined
}

/** Lines that are none are skipped, so that what a newer kubelet adds does no harm. */
export function parseSamples(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value, time] = /^(\w+)(?:\{(.*)\})? +(\S+)(?: +(-?\d+))?$/.exec(line.trim()) ?? []
    if (!name || Number.isNaN(Number(value))) return []
    return [
      { name, labels: parseLabels(labels), value: Number(value), atMs: time === undefined ? undefined : Number(time) },
    ]
  })
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, name, value = ''] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    if (name) labels[name] = value.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character))
  }
  return labels
}
