/** What a process uses, as Linux counts it. Undefined where there is no /proc, or when the process has gone. */
import { readFileSync } from 'node:fs'

/** Linux reports processor time in hundredths of a second, whatever the kernel itself counts in. */
const TICKS_PER_SECOND = 100

/** Memory in MB, proportional: pages that several processes share (Node's own code) are divided among them. */
export function memoryMB(pid: number | undefined): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readProc(pid, 'smaps_rollup'))?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
}

/** Processor time so far, all threads. It says what a piece of work costs even when others keep the machine busy. */
export function cpuSeconds(pid: number | undefined): number | undefined {
  // The second field is the program's name in parentheses, which may hold anything; user and system time are fields 14 and 15.
  const fields = /^.*\) (.*)$/s.exec(readProc(pid, 'stat'))?.[1]?.split(' ')
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function readProc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
