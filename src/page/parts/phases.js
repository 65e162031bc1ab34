/** Where the time of one request went: its phases from the trace, or what the log alone tells. */
import { duration } from '../format.js';
import { html } from '../library/preact.js';
import { Card, Shown } from './basics.js';
import { visible } from './log-lines.js';

/** @typedef {{ name: string, depth: number, atMs: number, tookMs: number, tone: string }} Phase */

const words = /** @type {Record<string, string>} */ ({
  site: 'finding the folder',
  'module.load': 'fetching the module',
  'guest.run': 'the function',
});

/** @param {{ record: any, trace: any }} given `trace`: null where the request was not traced. */
export function Phases({ record, trace }) {
  const phases = trace ? phasesOf(trace) : undefined;
  const tookMs = trace ? trace.tookMs : record.wallUs / 1e3;
  return html`<${Card} title="Where its time went" aside=${duration(tookMs)}>
    <${Shown} error=${undefined} isWaiting=${trace === undefined}>
      <${Bars} phases=${phases ?? shares(record)} tookMs=${tookMs} />
      ${
        trace
          ? html`<p class="muted small">Trace <code>${trace.traceId}</code>${
              trace.droppedSpans > 0 && `, ${trace.droppedSpans} phases more were left out`
            }</p>`
          : html`<p class="muted small">There is no trace of it. Which share of requests is
            traced says${' '}<code>telemetry.sample_ratio</code>; the newest are kept.</p>`
      }
    <//>
  <//>`;
}

/** Without a trace: how long it computed, and the rest. @param {any} record @returns {Phase[]} */
function shares({ cpuUs, wallUs }) {
  const wallMs = wallUs / 1e3;
  if (cpuUs === undefined) {
    return [{ name: 'all of it', depth: 0, atMs: 0, tookMs: wallMs, tone: 'site' }];
  }
  const cpuMs = Math.min(cpuUs / 1e3, wallMs);
  return [
    { name: 'computing', depth: 0, atMs: 0, tookMs: cpuMs, tone: 'run' },
    { name: 'waiting, and all else', depth: 0, atMs: cpuMs, tookMs: wallMs - cpuMs, tone: 'site' },
  ];
}

/** @param {any} trace @returns {Phase[]} */
function phasesOf({ name, spans, tookMs }) {
  const all = { name, depth: 0, atMs: 0, tookMs, tone: 'site' };
  return [
    all,
    ...spans.map((/** @type {any} */ span) => ({
      name: words[span.name] ?? span.name,
      depth: span.parent === 'run' ? 2 : 1,
      atMs: span.atMs,
      tookMs: span.tookMs,
      tone: span.isError ? 'bad' : span.name === 'guest.run' ? 'run' : 'outside',
    })),
  ];
}

/** As a picture and as text: each line says what it shows.
 * @param {{ phases: readonly Phase[], tookMs: number }} given */
function Bars({ phases, tookMs }) {
  const scale = tookMs > 0 ? 100 / tookMs : 0;
  return html`<ol class="phases">${phases.map(
    ({ atMs, depth, name, tone, tookMs: took }, at) => html`<li key=${at}>
      <span class=${`name depth${depth}`}>${visible(name)}</span>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" class=${tone}>
        <rect class="track" width="100" height="10" />
        <rect class="bar" x=${Math.min(99.5, Math.max(0, atMs * scale))} height="10"
          width=${Math.max(0.5, Math.min(100, took * scale))} />
      </svg>
      <span class="took">${duration(took)}</span>
    </li>`,
  )}</ol>`;
}
