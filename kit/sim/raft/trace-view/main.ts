/**
 * The page of a recorded run: the diagram, the chosen event as a sentence, and every member at that event.
 *
 * Arrow keys go from event to event; a click chooses; dragging and the wheel move through time. The chosen event stands in the address
 * (`#event=12`), so that one can point others to it.
 */
import type { RaftTrace, TraceEvent } from '../../raft-trace.ts'
import { clusterAt } from './cluster-at.ts'
import { drawDiagram, spanOf, type View } from './diagram.ts'
import { memberCards } from './panel.ts'
import { isHeartbeat, messagesOf, sentenceOf } from './sentences.ts'
import { timelineOf } from './timeline.ts'

/** The page opens with so many events before the chosen one in view, within these bounds of milliseconds per pixel. */
const EVENTS_AT_FIRST = 60
const CLOSEST_AT_FIRST = 0.04
const WIDEST_AT_FIRST = 0.25

const trace: RaftTrace = JSON.parse(byId('trace').textContent ?? '')
const timeline = timelineOf(trace)
const messages = messagesOf(trace)
const surface = document.querySelector<SVGElement>('#diagram')!
const view: View = { fromMs: 0, msPerPixel: firstScale(firstChoice()), selected: firstChoice(), showsHeartbeats: false }

function byId(id: string): HTMLElement {
  return document.getElementById(id)!
}

/** What the address asks for, else what broke the rule, else the beginning. */
function firstChoice(): number {
  const asked = /^#event=(\d+)$/.exec(location.hash)?.[1]
  return clampEvent(asked === undefined ? (trace.failure?.event ?? 0) : Number(asked))
}

/** So close that what led to the chosen event can be told apart, however much happened at once. */
function firstScale(selected: number): number {
  const before = trace.events[Math.max(0, selected - EVENTS_AT_FIRST)]?.atMs ?? 0
  const spanMs = (trace.events[selected]?.atMs ?? 0) - before
  return Math.max(CLOSEST_AT_FIRST, Math.min(WIDEST_AT_FIRST, (2 * spanMs) / width()))
}

function clampEvent(place: number): number {
  return Math.max(0, Math.min(trace.events.length - 1, place))
}

function width(): number {
  return surface.parentElement!.clientWidth
}

function draw(): void {
  drawDiagram(surface, trace, timeline, view, width())
  const event = trace.events[view.selected]
  byId('when').textContent = event
    ? `event ${view.selected + 1} of ${trace.events.length}, ${event.atMs} ms`
    : 'nothing happened'
  byId('sentence').textContent = event ? sentenceOf(event, messages) : ''
  byId('members').replaceChildren(...memberCards(clusterAt(trace, view.selected)))
  const scroll = byId('scroll') as HTMLInputElement
  scroll.max = String(timeline.endMs)
  scroll.value = String(view.fromMs)
}

function select(place: number): void {
  view.selected = clampEvent(place)
  history.replaceState(null, '', `#event=${view.selected}`)
  showSelected()
  draw()
}

/** Moves the view so that the chosen event is in it, with more of what led to it than of what follows. */
function showSelected(): void {
  const atMs = trace.events[view.selected]?.atMs ?? 0
  const { fromMs, toMs } = spanOf(view, width())
  if (atMs < fromMs || atMs > toMs) moveTo(atMs - (toMs - fromMs) * 0.8)
}

function moveTo(fromMs: number): void {
  view.fromMs = Math.max(0, Math.min(timeline.endMs, fromMs))
}

function zoom(factor: number): void {
  const { fromMs, toMs } = spanOf(view, width())
  const middleMs = (fromMs + toMs) / 2
  view.msPerPixel = Math.max(0.02, Math.min(50, view.msPerPixel * factor))
  const shown = spanOf(view, width())
  moveTo(middleMs - (shown.toMs - shown.fromMs) / 2)
  draw()
}

/** To the next event, or the one before; heartbeats are passed over while they are hidden. */
function step(by: 1 | -1): void {
  let place = view.selected + by
  while (trace.events[place] && isHidden(trace.events[place]!)) place += by
  select(place)
}

function isHidden(event: TraceEvent): boolean {
  if (view.showsHeartbeats || !('id' in event)) return false
  const message = messages.get(event.id)
  return message !== undefined && isHeartbeat(message)
}

surface.addEventListener('click', (click) => {
  const chosen = (click.target as Element).closest('[data-event]')
  if (chosen) select(Number(chosen.getAttribute('data-event')))
})
surface.addEventListener('wheel', (wheel) => {
  wheel.preventDefault()
  if (wheel.ctrlKey) return zoom(wheel.deltaY > 0 ? 1.25 : 0.8)
  moveTo(view.fromMs + (wheel.deltaX + wheel.deltaY) * view.msPerPixel)
  draw()
})
document.addEventListener('keydown', ({ key }) => {
  if (key === 'ArrowRight') step(1)
  if (key === 'ArrowLeft') step(-1)
  if (key === '+') zoom(0.8)
  if (key === '-') zoom(1.25)
})
byId('scroll').addEventListener('input', ({ target }) => {
  moveTo(Number((target as HTMLInputElement).value))
  draw()
})
byId('heartbeats').addEventListener('change', ({ target }) => {
  view.showsHeartbeats = (target as HTMLInputElement).checked
  draw()
})
byId('closer').addEventListener('click', () => zoom(0.5))
byId('wider').addEventListener('click', () => zoom(2))
byId('back').addEventListener('click', () => step(-1))
byId('on').addEventListener('click', () => step(1))
byId('to-failure').addEventListener('click', () => trace.failure && select(trace.failure.event))
window.addEventListener('hashchange', () => select(firstChoice()))
window.addEventListener('resize', draw)

showSelected()
draw()
