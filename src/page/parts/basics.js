/** The small pieces that every page is made of. */
import { html } from '../library/preact.js';
import { linkTo } from '../places.js';

/**
 * @param {{ title: string, aside?: unknown, wide?: boolean, children?: unknown }} given
 */
export function Card({ title, aside, wide, children }) {
  return html`<section class=${wide ? 'card wide' : 'card'} aria-label=${title}>
    <header><h2>${title}</h2>${aside && html`<div class="aside">${aside}</div>`}</header>
    ${children}
  </section>`;
}

/**
 * One number to look at. Its place is as wide as it will ever be.
 *
 * @param {{ label: string, value: string, note?: unknown, tone?: string }} given
 */
export function Tile({ label, value, note, tone = '' }) {
  return html`<div class=${`tile ${tone}`}>
    <dt>${label}</dt>
    <dd><strong>${value}</strong><span>${note ?? ' '}</span></dd>
  </div>`;
}

/** Nothing is said by colour alone: each state has a sign, too. */
const signs = /** @type {Record<string, string>} */ ({
  good: '●',
  warn: '▲',
  bad: '✕',
  idle: '○',
});

/** @param {{ tone: 'good' | 'warn' | 'bad' | 'idle', children?: unknown }} given */
export function Badge({ tone, children }) {
  return html`<span class=${`badge ${tone}`}>
    <span aria-hidden="true">${signs[tone]}</span> ${children}
  </span>`;
}

/** How far something is used, with the numbers beside it.
 *
 * @param {{ label: string, value: number, max: number | null, isPart?: boolean,
 *   show: (value: number) => string }} given `isPart`: a share of `max`, not on the way to it.
 */
export function Meter({ label, value, max, isPart = false, show }) {
  const share = max === null || max === 0 ? 0 : Math.min(1, value / max);
  const tone = isPart ? '' : share > 0.9 ? 'bad' : share > 0.75 ? 'warn' : '';
  return html`<div class="meter">
    <span class="name">${label}</span>
    <span class="number">${show(value)}${
      max !== null && !isPart && html` <small>of ${show(max)}</small>`
    }</span>
    ${
      max !== null &&
      html`<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" class=${tone}>
        <rect class="room" width="100" height="4" />
        <rect class="used" width=${share * 100} height="4" />
      </svg>`
    }
  </div>`;
}

/**
 * @typedef {{ title: string, number?: boolean, wraps?: boolean,
 *   cell: (row: any) => unknown }} Column
 * @param {{ label: string, columns: readonly Column[], rows: readonly any[],
 *   keyOf: (row: any) => string, empty?: string }} given
 */
export function Table({ label, columns, rows, keyOf, empty = 'Nothing yet' }) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const classOf = (/** @type {Column} */ { number, wraps }) =>
    number ? 'number' : wraps ? 'wraps' : '';
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${`Table: ${label}`}>
    <table>
      <thead><tr>${columns.map(
        (column) => html`<th scope="col" class=${classOf(column)}>${column.title}</th>`,
      )}</tr></thead>
      <tbody>${rows.map(
        (row) =>
          html`<tr key=${keyOf(row)}>${columns.map(
            (column) => html`<td class=${classOf(column)}>${column.cell(row)}</td>`,
          )}</tr>`,
      )}</tbody>
    </table>
  </div>`;
}

/** @param {{ rows: readonly (readonly [string, unknown])[] }} given */
export function Facts({ rows }) {
  return html`<dl class="facts">${rows.map(
    ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

/**
 * What stands where something cannot be shown.
 *
 * @param {{ error: Error | undefined, isWaiting: boolean, children?: unknown }} given
 */
export function Shown({ error, isWaiting, children }) {
  if (error !== undefined) return html`<p class="trouble" role="alert">${error.message}</p>`;
  return isWaiting ? html`<p class="empty">…</p>` : children;
}

/** @param {{ folder: string | null, module?: string | null }} given */
export function FunctionLink({ folder, module = null }) {
  if (folder === null) return html`<span class="muted">all others</span>`;
  if (module === null) return html`<a href=${linkTo('site', folder)}>${folder}</a>`;
  return html`<a href=${linkTo('function', folder, module)}>${module}</a>
    <span class="where">${folder}</span>`;
}

/** Some of a few choices, of which one holds.
 * @template {string} T
 * @param {{ label: string, value: T, choices: Record<T, string>,
 *   onChange: (value: T) => void }} given
 */
export function Choice({ label, value, choices, onChange }) {
  const names = /** @type {T[]} */ (Object.keys(choices));
  return html`<div class="choice" role="group" aria-label=${label}>${names.map(
    (name) => html`<button type="button" key=${name} aria-pressed=${name === value}
      onClick=${() => onChange(name)}>${choices[name]}</button>`,
  )}</div>`;
}
