/**
 * Turns "which labs are the learner's own" into the import conditions of package.json.
 *
 * A condition `solution-03` makes `#scheduler/…` resolve to `solutions/03-scheduler/…`; without it the import
 * falls through to `labs/03-scheduler/src/…`. So mixing trees needs no copying and no configuration per file.
 */

const LABS = [1, 2, 3, 4, 5, 6] as const

/** @param mine "all", or lab numbers such as "3" or "1,4"; empty or undefined means all solutions. */
export function importConditions(mine: string | undefined): string[] {
  const own = parseMine(mine)
  return LABS.filter((lab) => !own.includes(lab)).map((lab) => `solution-0${lab}`)
}

/** The learner's labs as numbers. Throws with the list of labs when one does not exist. */
export function parseMine(mine: string | undefined): number[] {
  if (!mine) return []
  if (mine === 'all') return [...LABS]
  return mine.split(',').map((part) => {
    const lab = Number(part.trim())
    if (!LABS.some((known) => known === lab)) {
      throw new Error(`There is no lab "${part.trim()}". Labs are ${LABS.join(', ')}, or "all".`)
    }
    return lab
  })
}
