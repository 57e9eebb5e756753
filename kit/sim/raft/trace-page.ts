/**
 * A recorded run as one self-contained page: no server, no network, no build step for whoever opens it.
 *
 * The page's own code (trace-view/) is put into it by esbuild, together with the trace.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import type { RaftTrace } from '../raft-trace.ts'

/** Writes the page, making its directory if need be. */
export function writeTracePage(trace: RaftTrace, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, renderTracePage(trace))
}

export function renderTracePage(trace: RaftTrace): string {
  const { title, seed, replay, failure } = trace
  const broken = failure
    ? `<div class="broken" id="broken"><strong>${escaped(failure.rule)}</strong>\n${escaped(failure.message)}</div>`
    : ''
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}, seed ${seed}</title>
<style>${viewFile('page.css')}</style>
<header>
<h1>${escaped(title)}</h1>
<p class="replay">Seed ${seed}. The same run again: <code>${escaped(replay)}</code></p>
${broken}
</header>
<nav>
<button id="back" title="left arrow key">◀ event</button>
<button id="on" title="right arrow key">event ▶</button>
<button id="to-failure"${failure ? '' : ' hidden'}>to what broke it</button>
<button id="closer" title="+">closer</button>
<button id="wider" title="-">wider</button>
<label><input type="checkbox" id="heartbeats"> heartbeats</label>
<input type="range" id="scroll" min="0" value="0" step="1" aria-label="time">
</nav>
<div id="frame"><svg id="diagram" role="img" aria-label="Members over time, and the messages between them"></svg></div>
<p id="when"></p>
<p id="sentence"></p>
<div id="members"></div>
<footer>A lane is a member: grey follower, amber candidate (pale: only asks), green leader, dashed red down. Arrows are messages: amber votes, blue appends, violet
snapshots; a cross is where one was lost. Triangles are requests, green dots applied entries. In a log, a dashed entry is not known to be committed
there, a solid one is, a filled one is applied; the numbers are index and term.</footer>
<script type="application/json" id="trace">${JSON.stringify(trace).replaceAll('<', '\\u003c')}</script>
<script>${viewCode()}</script>
</html>
`
}

function viewFile(name: string): string {
  return readFileSync(new URL(`./trace-view/${name}`, import.meta.url), 'utf8')
}

function viewCode(): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('./trace-view/main.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
  })
  return outputFiles[0]!.text.replaceAll('</script', '<\\/script')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
