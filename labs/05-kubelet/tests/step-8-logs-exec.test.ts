/** Step 5.8: which log, which part of it; and the frames of exec. The server around it: step-8-server.wire.test.ts. */
import { describe, expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { attemptForLogs, cutToLimit, formatLogEntry, parseLogOptions } from '#kubelet/container-logs.ts'
import { decodeFrame, encodeFrame, exitStatus } from '#kubelet/remote-command.ts'
import { attempt, ended, NOW, SECOND } from './fixtures.ts'

const OPTIONS = 'kubernetes core/v1 PodLogOptions'
const LOGS = 'kubernetes kubelet_pods.go, validateContainerLogStatus'
const CHANNELS = 'kubernetes remotecommand/constants.go'
const bytes = (...numbers: number[]) => Uint8Array.from(numbers)
const text = (value: string) => Buffer.from(value)

describe('the options of a log', () => {
  lesson(
    'are read from the query',
    {
      scenario: 'kubectl logs -f --timestamps --tail=10 --since=60s --limit-bytes=1000',
      rule: 'Numbers become numbers, seconds a moment; what is absent is left out.',
      source: OPTIONS,
    },
    () => {
      const query = { follow: 'true', timestamps: 'true', tailLines: '10', sinceSeconds: '60', limitBytes: '1000' }
      expect(parseLogOptions(query, NOW)).toEqual({
        ok: true,
        value: {
          follow: true,
          previous: false,
          timestamps: true,
          tailLines: 10,
          sinceMs: NOW - 60 * SECOND,
          limitBytes: 1000,
        },
      })
      expect(parseLogOptions({}, NOW)).toEqual({
        ok: true,
        value: { follow: false, previous: false, timestamps: false },
      })
      expect(parseLogOptions({ previous: '1', tailLines: '0', sinceTime: '2026-01-01T00:00:00Z' }, NOW)).toEqual({
        ok: true,
        value: { follow: false, previous: true, timestamps: false, tailLines: 0, sinceMs: NOW },
      })
    },
  )

  lesson(
    'that make no sense are refused',
    {
      scenario: 'Negative tails, limits of nothing, words for numbers, two starting points.',
      rule: 'Bad input gets an answer that names the field.',
      source: 'kubernetes pkg/apis/core/validation, ValidatePodLogOptions',
    },
    () => {
      const refusal = (query: Record<string, string>) => {
        const parsed = parseLogOptions(query, NOW)
        return parsed.ok ? undefined : parsed.message
      }
      expect(refusal({ tailLines: '-1' })).toBe('tailLines: must be greater than or equal to 0')
      expect(refusal({ tailLines: 'ten' })).toBe('tailLines: must be greater than or equal to 0')
      expect(refusal({ limitBytes: '0' })).toBe('limitBytes: must be greater than 0')
      expect(refusal({ sinceSeconds: '0' })).toBe('sinceSeconds: must be greater than 0')
      expect(refusal({ sinceTime: 'yesterday' })).toBe('sinceTime: must be RFC 3339')
      const both = { sinceSeconds: '5', sinceTime: '2026-01-01T00:00:00Z' }
      expect(refusal(both)).toBe('at most one of sinceTime or sinceSeconds may be specified')
    },
  )
})

describe('the attempt that is meant', () => {
  const names = { pod: 'web', container: 'main' }
  const find = (attempts: ReturnType<typeof attempt>[], previous: boolean, waiting?: string) => {
    const found = attemptForLogs(names, attempts, previous, waiting)
    return found.ok ? found.value.id : found.message
  }
  const second = attempt('main', { attempt: 1 })

  lesson(
    'is the newest that was started',
    {
      scenario: 'The second attempt runs; later a third is made, but not started yet.',
      rule: 'The log of a container that never started is empty and helps nobody; show the one before.',
      source: LOGS,
    },
    () => {
      expect(find([second, ended('main', 1)], false)).toBe('main-1')
      const third = attempt('main', { attempt: 2, state: 'CONTAINER_CREATED' })
      expect(find([third, second], false)).toBe('main-1')
    },
  )

  lesson(
    'is the one before, with --previous',
    {
      scenario:
        'kubectl logs --previous: first while the second attempt runs, then while it waits in CrashLoopBackOff.',
      rule: 'While the container waits for its restart, the newest attempt is the previous one.',
      source: LOGS,
    },
    () => {
      expect(find([second, ended('main', 1)], true)).toBe('main-0')
      const crashed = ended('main', 1, { attempt: 1 })
      expect(find([crashed, ended('main', 1)], true, 'CrashLoopBackOff')).toBe('main-1')
    },
  )

  lesson(
    'may not exist, and then the answer says why',
    {
      scenario: 'The image cannot be pulled; or there was no earlier attempt.',
      rule: 'These texts reach the user through kubectl.',
      source: LOGS,
    },
    () => {
      expect(find([], false, 'ErrImagePull')).toBe('container "main" in pod "web" is waiting to start: ErrImagePull')
      expect(find([], false)).toBe('container "main" in pod "web" is waiting to start: ContainerCreating')
      expect(find([attempt('main')], true)).toBe('previous terminated container "main" in pod "web" not found')
    },
  )
})

describe('what is sent of a log', () => {
  const entry = { stream: 'stdout' as const, time: '2026-01-01T00:00:00.000000001Z', text: 'hello\n' }

  lesson(
    'is the text, with the time before it if asked for',
    {
      scenario: 'A line, with and without --timestamps; and one that ends without a newline.',
      rule: 'The text as the process wrote it: no newline is added.',
      source: 'kubernetes kuberuntime/logs/logs.go',
    },
    () => {
      expect(formatLogEntry(entry, false)).toBe('hello\n')
      expect(formatLogEntry(entry, true)).toBe('2026-01-01T00:00:00.000000001Z hello\n')
      expect(formatLogEntry({ ...entry, text: 'no newline' }, false)).toBe('no newline')
    },
  )

  lesson(
    'is cut at a byte, not at a character',
    {
      scenario: '--limit-bytes=3 of "aéb", where é is two bytes long.',
      rule: 'The limit counts bytes; without one there is no cut.',
      source: OPTIONS,
    },
    () => {
      expect(Buffer.from(cutToLimit('aéb', 3)).toString('utf8')).toBe('aé')
      expect(cutToLimit('aéb', 2)).toHaveLength(2)
      expect(cutToLimit('aéb', 100)).toHaveLength(4)
      expect(cutToLimit('aéb', undefined)).toHaveLength(4)
    },
  )
})

describe('a frame', () => {
  lesson(
    'is a channel and its bytes',
    {
      scenario: 'The process writes "hi" to stdout; then it writes nothing.',
      rule: 'The first byte is the channel: 1 is stdout. An empty payload is a frame of one byte.',
      source: CHANNELS,
    },
    () => {
      expect([...encodeFrame(1, text('hi'))]).toEqual([1, 104, 105])
      expect([...encodeFrame(2, bytes())]).toEqual([2])
    },
  )

  lesson(
    'from the client is input, a size, or the end of input',
    {
      scenario: 'Someone types "ls", resizes the window, presses Ctrl-D.',
      rule: '0 is stdin, 4 is the size as JSON, 255 closes the channel that follows.',
      source: 'KEP-4006',
    },
    () => {
      expect(decodeFrame(Buffer.concat([bytes(0), text('ls')]))).toEqual({ kind: 'stdin', bytes: text('ls') })
      const resize = Buffer.concat([bytes(4), text('{"Width":80,"Height":24}')])
      expect(decodeFrame(resize)).toEqual({ kind: 'resize', width: 80, height: 24 })
      expect(decodeFrame(bytes(255, 0))).toEqual({ kind: 'end-of-stdin' })
    },
  )

  lesson(
    'that is not understood does no harm',
    {
      scenario:
        'An empty frame, a channel that is not the client’s, a size that is no JSON or is zero, the close of stdout.',
      rule: 'Whatever comes from outside, the kubelet goes on.',
      source: CHANNELS,
    },
    () => {
      const strange = [bytes(), bytes(1, 65), bytes(9), bytes(255, 1), bytes(255), Buffer.concat([bytes(4), text('{')])]
      for (const frame of strange) expect(decodeFrame(frame)).toEqual({ kind: 'unknown' })
      const zero = Buffer.concat([bytes(4), text('{"Width":0,"Height":24}')])
      expect(decodeFrame(zero)).toEqual({ kind: 'unknown' })
      expect(decodeFrame(Buffer.concat([bytes(4), text('null')]))).toEqual({ kind: 'unknown' })
    },
  )
})

describe('the end of a command', () => {
  lesson(
    'carries the exit code to kubectl',
    {
      scenario: 'kubectl exec web -- sh -c "exit 7"; echo $? prints 7.',
      rule: 'A Status on the error channel: reason NonZeroExitCode, a cause ExitCode with the number as text.',
      source: CHANNELS,
    },
    () => {
      expect(exitStatus(0)).toEqual({ metadata: {}, status: 'Success' })
      expect(exitStatus(7)).toEqual({
        metadata: {},
        status: 'Failure',
        message: 'command terminated with non-zero exit code: exit code 7',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '7' }] },
      })
    },
  )
})
