/**
 * The space-time diagram: a lane for every member, time from left to right, messages as arrows between lanes.
 *
 * Only the span of time in view is drawn, so that a run of minutes is no heavier to look at than one of seconds.
 */
import type { MemberId } from '../../../raft/messages.ts'
import type { RaftTrace, TraceEvent } from '../../raft-trace.ts'
import { svg } from './elements.ts'
import { describe, isHeartbeat } from './sentences.ts'
import type { Flight, Spell, Timeline } from './timeline.ts'

/** What part of the run is in view, and what is chosen. */
export interface View {
  fromMs: number
  /** How many milliseconds of the run one pixel shows. */
  msPerPixel: number
  selected: number
  showsHeartbeats: boolean
}

const LANE_HEIGHT = 84
const TOP = 34
const LEFT = 44
const BAND = 9
/** How far to the right the cross of a message stands that was lost as it was sent. */
const LOST_AT_ONCE_PIXELS = 9

export function drawDiagram(
  surface: SVGElement,
  trace: RaftTrace,
  timeline: Timeline,
  view: View,
  width: number,
): void {
  const drawing = new Drawing(trace, timeline, view, width)
  surface.setAttribute('viewBox', `0 0 ${width} ${drawing.height}`)
  surface.setAttribute('width', String(width))
  surface.setAttribute('height', String(drawing.height))
  surface.replaceChildren(...drawing.parts())
}

/** The span of time in view, for a diagram of this width. */
export function spanOf(view: View, width: number): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: view.fromMs, toMs: view.fromMs + (width - LEFT) * view.msPerPixel }
}

class Drawing {
  readonly height: number
  readonly #trace: RaftTrace
  readonly #timeline: Timeline
  readonly #view: View
  readonly #width: number
  readonly #toMs: number

  constructor(trace: RaftTrace, timeline: Timeline, view: View, width: number) {
    this.#trace = trace
    this.#timeline = timeline
    this.#view = view
    this.#width = width
    this.#toMs = spanOf(view, width).toMs
    this.height = TOP + trace.members.length * LANE_HEIGHT
  }

  parts(): SVGElement[] {
    return [
      arrowHeads(),
      ...this.#timeMarks(),
      ...this.#partings(),
      ...this.#trace.members.map((id) => this.#lane(id)),
      ...this.#timeline.spells
        .filter(({ fromMs, toMs }) => this.#isInView(fromMs, toMs))
        .map((spell) => this.#spell(spell)),
      ...this.#timeline.flights
        .filter(({ message }) => this.#view.showsHeartbeats || !isHeartbeat(message))
        .filter(({ sentMs, endMs }) => this.#isInView(sentMs, endMs ?? sentMs))
        .map((flight) => this.#flight(flight)),
      ...this.#marks(),
      ...this.#cursors(),
    ]
  }

  #x(atMs: number): number {
    return LEFT + (atMs - this.#view.fromMs) / this.#view.msPerPixel
  }

  #y(id: MemberId): number {
    return TOP + (this.#trace.members.indexOf(id) + 0.5) * LANE_HEIGHT
  }

  #isInView(fromMs: number, toMs: number): boolean {
    return toMs >= this.#view.fromMs && fromMs <= this.#toMs
  }

  #timeMarks(): SVGElement[] {
    const step = roundStep(this.#view.msPerPixel * 110)
    const marks: SVGElement[] = []
    for (let atMs = Math.ceil(this.#view.fromMs / step) * step; atMs <= this.#toMs; atMs += step) {
      const x = this.#x(atMs)
      marks.push(svg('line', { class: 'time', x1: x, x2: x, y1: TOP - 12, y2: this.height }))
      marks.push(svg('text', { class: 'time', x: x + 3, y: 12 }, `${atMs} ms`))
    }
    return marks
  }

  #partings(): SVGElement[] {
    return this.#timeline.partings
      .filter(({ fromMs, toMs }) => this.#isInView(fromMs, toMs))
      .map(({ groups, fromMs, toMs }) => {
        const x = Math.max(LEFT, this.#x(fromMs))
        const wide = Math.min(this.#width, this.#x(toMs)) - x
        const text = `parted: ${groups.map((group) => group.join(' ')).join(' | ')}`
        return svg(
          'g',
          { class: 'parting' },
          svg('rect', { x, y: TOP - 16, width: Math.max(1, wide), height: this.height - TOP + 16 }),
          svg('text', { x: x + 4, y: TOP - 5 }, text),
        )
      })
  }

  #lane(id: MemberId): SVGElement {
    const y = this.#y(id)
    return svg(
      'g',
      { class: 'lane' },
      svg('line', { x1: LEFT, x2: this.#width, y1: y, y2: y }),
      svg('text', { x: 12, y: y + 5 }, id),
    )
  }

  #spell({ member, role, term, fromMs, toMs }: Spell): SVGElement {
    const x = Math.max(LEFT, this.#x(fromMs))
    const wide = Math.max(1, Math.min(this.#width, this.#x(toMs)) - x)
    const y = this.#y(member)
    const words = role === 'down' ? 'down' : `${role}, term ${term}`
    return svg(
      'g',
      { class: `spell ${role}` },
      svg('rect', { x, y: y - BAND / 2, width: wide, height: BAND, rx: 2 }),
      ...(wide > words.length * 6 ? [svg('text', { x: x + 4, y: y + BAND + 7 }, words)] : []),
    )
  }

  #flight(flight: Flight): SVGElement {
    const { message, sentMs, sent, lost } = flight
    const from = { x: this.#x(sentMs), y: this.#y(message.from) }
    const isUnderWay = flight.endMs === undefined
    const to = { x: this.#x(flight.endMs ?? this.#timeline.endMs), y: this.#y(message.to) }
    const end = lost || isUnderWay ? shortened(from, to) : to
    const kind = `${message.type}${isHeartbeat(message) ? ' heartbeat' : ''}${lost ? ' lost' : ''}`
    const chosen = sent === this.#view.selected ? ' selected' : ''
    const line = { x1: from.x, y1: from.y, x2: end.x, y2: end.y }
    return svg(
      'g',
      { class: `flight ${kind}${chosen}`, 'data-event': sent },
      svg(
        'title',
        {},
        `${message.from} to ${message.to}: ${describe(message)}${lost ? ' (lost)' : isUnderWay ? ' (still under way)' : ''}`,
      ),
      svg('line', { class: 'reach', ...line }),
      svg('line', { ...line, ...(!lost && !isUnderWay && { 'marker-end': 'url(#head)' }) }),
      ...(lost ? [cross(end.x, end.y)] : []),
    )
  }

  /** What happens at one moment on one lane. */
  #marks(): SVGElement[] {
    return this.#trace.events.flatMap((event, place) => {
      if (!this.#isInView(event.atMs, event.atMs) || !('member' in event)) return []
      const shape = markOf(event)
      if (!shape) return []
      const chosen = place === this.#view.selected ? ' selected' : ''
      const at = `translate(${this.#x(event.atMs)} ${this.#y(event.member)})`
      return [svg('g', { class: `mark ${event.kind}${chosen}`, transform: at, 'data-event': place }, shape)]
    })
  }

  #cursors(): SVGElement[] {
    const { events, failure } = this.#trace
    const line = (place: number, kind: string) => {
      const x = this.#x(events[place]?.atMs ?? 0)
      return x < LEFT ? [] : [svg('line', { class: kind, x1: x, x2: x, y1: TOP - 16, y2: this.height })]
    }
    return [...(failure ? line(failure.event, 'failure') : []), ...line(this.#view.selected, 'cursor')]
  }
}

function markOf(event: TraceEvent): SVGElement | undefined {
  if (event.kind === 'crash') return cross(0, 0)
  if (event.kind === 'start') return svg('circle', { r: 5 })
  if (event.kind === 'ask') return svg('path', { d: 'M 0 -6 L 6 -16 L -6 -16 Z' })
  if (event.kind === 'apply') return svg('circle', { r: 3, cy: -9 })
  return undefined
}

interface Point {
  readonly x: number
  readonly y: number
}

/** Where a message ends that did not arrive: near the receiver, or, when no time has passed since it was sent, a little on its way. */
function shortened(from: Point, to: Point): Point {
  const isAtOnce = to.x - from.x < 2
  const share = isAtOnce ? 0.35 : 0.92
  const forward = isAtOnce ? LOST_AT_ONCE_PIXELS : (to.x - from.x) * share
  return { x: from.x + forward, y: from.y + (to.y - from.y) * share }
}

function cross(x: number, y: number): SVGElement {
  return svg('path', { class: 'cross', d: `M ${x - 5} ${y - 5} l 10 10 m 0 -10 l -10 10` })
}

function arrowHeads(): SVGElement {
  const head = svg('marker', {
    id: 'head',
    viewBox: '0 0 8 8',
    refX: 8,
    refY: 4,
    markerWidth: 7,
    markerHeight: 7,
    orient: 'auto',
  })
  head.append(svg('path', { d: 'M 0 0 L 8 4 L 0 8 z' }))
  return svg('defs', {}, head)
}

/** 1, 2 or 5 times a power of ten, at least as large. */
function roundStep(ms: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, ms)))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= ms) ?? 10 * power
}
