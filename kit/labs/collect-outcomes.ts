/**
 * Listens to Vitest and keeps what it says as plain outcomes, by test file.
 *
 * Everything that is not a clean end becomes a problem of the step it belongs to: a file that does not load, an error that
 * no test waited for, a process that died, code that never comes back. Silence is never a pass.
 */
import { join, relative } from 'node:path'
import type { TestCase, TestModule, TestSuite } from 'vitest/node'
import { stripAnsi } from '../cli/terminal/layout.ts'
import type { Lab, Step } from './catalog.ts'
import { readNotImplemented, type StepRun, type TestFailure, type TestOutcome } from './outcome.ts'
import type { SilentFile } from './signs-of-life.ts'

export type Collector = ReturnType<typeof createCollector>

/** @param order which step each test file (absolute path) belongs to */
export function createCollector(root: string, order: ReadonlyMap<string, { lab: Lab; step: Step }>) {
  const ended = new Map<string, { tests: TestOutcome[]; problem?: TestFailure | undefined }>()
  const output = new Map<string, string[]>()
  let tests = 0
  let changed: (lab: Lab, step: Step, testsDone: number) => void = () => {}
  const sign = (moduleId: string) => {
    const item = order.get(moduleId)
    if (item) changed(item.lab, item.step, tests)
  }

  const reporter = {
    onTestCaseReady(test: TestCase) {
      sign(test.module.moduleId)
    },
    onTestCaseResult(test: TestCase) {
      tests++
      sign(test.module.moduleId)
    },
    onUserConsoleLog({ taskId = '', content }: { taskId?: string; content: string }) {
      output.set(taskId, [...(output.get(taskId) ?? []), ...stripAnsi(content).replace(/\n$/, '').split('\n')])
    },
    onTestModuleEnd(module: TestModule) {
      const lab = order.get(module.moduleId)?.lab
      // What was given up stays so: the end of its worker is not the end of its tests.
      if (!lab || ended.has(module.moduleId)) return
      const error = module.errors()[0]
      ended.set(module.moduleId, {
        tests: [...module.children.allTests()].map((test) => describeTest(root, lab, test, output.get(test.id) ?? [])),
        problem: error ? describeError(root, lab, error) : failedPreparation(root, lab, module),
      })
      sign(module.moduleId)
    },
  }

  return {
    reporter,
    begin(onChange: typeof changed) {
      ended.clear()
      output.clear()
      tests = 0
      changed = onChange
    },
    /** The step's outcome, or undefined while one of its files is still running. */
    stepRun(lab: Lab, step: Step): StepRun | undefined {
      const files = step.tests.map((test) => ended.get(join(root, 'labs', lab.name, test)))
      if (files.some((file) => file === undefined)) return undefined
      const problem = files.find((file) => file?.problem)?.problem
      return { lab, step, tests: files.flatMap((file) => file?.tests ?? []), problem }
    },
    /** Takes note of errors that no test was waiting for; returns the steps whose outcome that changes. */
    escaped(errors: readonly unknown[]): { lab: Lab; step: Step }[] {
      const changedSteps = new Set<{ lab: Lab; step: Step }>()
      for (const error of errors as (VitestError & { VITEST_TEST_PATH?: string })[]) {
        const path = error.VITEST_TEST_PATH ?? [...order.keys()][0]!
        const [file, item] = [ended.get(path), order.get(path)]
        if (!file || !item || file.problem) continue
        const failure = describeError(root, item.lab, error)
        if (readNotImplemented(failure)) continue
        file.problem = { ...failure, message: `an error that nothing waited for: ${failure.name}: ${failure.message}` }
        changedSteps.add(item)
      }
      return [...changedSteps]
    },
    hasEnded: (path: string) => ended.has(path),
    /** Gives up a file whose code does not come back. */
    endStuckModule({ file, test, silentMs }: SilentFile) {
      const message = `did not come back within ${Math.round(silentMs / 1000)} seconds: an endless loop?`
      ended.set(file, { tests: [], problem: { name: 'Error', message: test ? `"${test}" ${message}` : message } })
    },
    /** A file that Vitest never ended (it does not exist, or its process died) is a problem, not a pass. */
    endMissingModules() {
      for (const path of order.keys()) {
        if (ended.has(path)) continue
        const message = `${relative(root, path)} was not run: the file is missing, or its process died`
        ended.set(path, { tests: [], problem: { name: 'Error', message } })
      }
    },
  }
}

/**
 * Why the `beforeAll` of a suite has failed. Vitest then calls the suite's tests skipped, which is no pass. Those that only wait for
 * parts of other steps are skipped indeed.
 */
function failedPreparation(root: string, lab: Lab, module: TestModule): TestFailure | undefined {
  const suites = [...module.children.allSuites()].filter((suite) =>
    [...suite.children.allTests()].some((test) => test.result().state === 'skipped'),
  )
  const failures = suites.flatMap((suite) => suite.errors().slice(0, 1)).map((error) => describeError(root, lab, error))
  return failures.find((failure) => !readNotImplemented(failure))
}

interface VitestError {
  readonly name?: string
  readonly message: string
  readonly actual?: unknown
  readonly expected?: unknown
  readonly diff?: string
  readonly stacks?: readonly { file: string; line: number; column: number }[]
  readonly cause?: unknown
}

function describeTest(root: string, lab: Lab, test: TestCase, output: readonly string[]): TestOutcome {
  const { state, errors } = test.result()
  const { lesson, seed, trace } = test.meta()
  const error = errors?.[0]
  return {
    title: titleOf(test),
    state: state === 'passed' || state === 'failed' ? state : 'skipped',
    lesson,
    seed,
    trace,
    failure: error && describeError(root, lab, error),
    output,
  }
}

/** A test is often only half a sentence, and what it is about stands above it. */
function titleOf(test: TestCase | TestSuite): string {
  return test.parent.type === 'module' ? test.name : `${titleOf(test.parent)}: ${test.name}`
}

function describeError(root: string, lab: Lab, error: VitestError): TestFailure {
  const frames = (error.stacks ?? []).map(({ file, line, column }) => ({ file: relative(root, file), line, column }))
  const under = (folder: string) => frames.find((frame) => frame.file.startsWith(`labs/${lab.name}/${folder}/`))
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return {
    name: error.name ?? 'Error',
    message: stripAnsi(error.message ?? String(error)),
    expected: text(error.expected),
    actual: text(error.actual),
    diff: error.diff && stripAnsi(error.diff),
    code: under('src'),
    test: under('tests'),
  }
}
