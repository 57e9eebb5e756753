/**
 * Recordings of a real API server, where they are at hand. Tests that compare with them skip where they are not.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const directory = new URL('../../../../shared/upstream/', import.meta.url)

export const hasRecordings = existsSync(directory)

/** A JSON file of the recordings, gunzipped when its name says so. */
export function recording<T>(name: string): T {
  return JSON.parse(recordedText(name)) as T
}

/** A file of one JSON value a line. */
export function recordedLines<T>(name: string): T[] {
  return recordedText(name)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

function recordedText(name: string): string {
  const bytes = readFileSync(new URL(name, directory))
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
}
