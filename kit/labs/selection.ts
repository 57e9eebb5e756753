/** Turns what was typed (`3`, `3.2`) into labs and steps; a typo gets the list of what exists. */
import { UsageError } from '../cli/usage-error.ts'
import type { Lab, Step } from './catalog.ts'

export interface Selection {
  readonly lab: Lab
  /** Undefined when the whole lab was asked for. */
  readonly step: Step | undefined
}

export function select(labs: readonly Lab[], word: string): Selection {
  const [, number, rest] = /^(?:lab-?)?(\d+)(\.\d+)?$/i.exec(word) ?? []
  const lab = labs.find((each) => each.number === Number(number) || each.name === word)
  if (!lab) {
    const list = labs.map((each) => `  ${each.number}  ${each.title}`)
    throw new UsageError([`There is no lab "${word}". The labs are:`, '', ...list].join('\n'))
  }
  if (rest === undefined) return { lab, step: undefined }
  const step = lab.steps.find((each) => each.id === `${lab.number}${rest}`)
  if (step) return { lab, step }
  const list = lab.steps.map((each) => `  ${each.id}  ${each.title}${each.star ? ' ★' : ''}`)
  throw new UsageError(
    [`Lab ${lab.number} (${lab.title}) has no step "${word}". Its steps are:`, '', ...list].join('\n'),
  )
}

/** For commands about one step, such as `npm run hint 3.2`. */
export function selectStep(labs: readonly Lab[], word: string | undefined, command: string): { lab: Lab; step: Step } {
  if (!word) throw new UsageError(`Which step? For instance: npm run ${command} ${labs[0]?.steps[0]?.id ?? '1.1'}`)
  const { lab, step } = select(labs, word)
  if (step) return { lab, step }
  const list = lab.steps.map((each) => `  ${each.id}  ${each.title}${each.star ? ' ★' : ''}`)
  throw new UsageError(
    [`Which step of lab ${lab.number}? For instance: npm run ${command} ${lab.number}.1`, '', ...list].join('\n'),
  )
}

export function selectLab(labs: readonly Lab[], word: string | undefined, command: string): Selection {
  if (!word) {
    const list = labs.map((each) => `  ${each.number}  ${each.title}`)
    throw new UsageError(
      [`Which lab? For instance: npm run ${command} ${labs[0]?.number ?? 1}`, '', ...list].join('\n'),
    )
  }
  return select(labs, word)
}
