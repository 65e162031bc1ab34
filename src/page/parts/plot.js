/**
 * A plot over time, its legend with the numbers under the pointer, and the same numbers as a table:
 * what is drawn must be there to be read, too. Its height is fixed, so nothing jumps.
 */
import { clock } from '../format.js';
import { html, useEffect, useRef, useState } from '../library/preact.js';
import { Plotter } from './plotter.js';

/**
 * @typedef {{ label: string, color: string, values: readonly (number | null)[] }} Line
 * @typedef {{ at: number, label: string, isBad: boolean }} Mark `at` in seconds.
 *
 * @param {{ label: string, times: readonly number[], lines: readonly Line[],
 *   show: (value: number | null | undefined) => string, isStacked?: boolean, isWide?: boolean,
 *   spanS: number, marks?: readonly Mark[] }} given `times` in seconds; `spanS`: how much of time
 *   there is room for; `isWide`: values lie decades apart; `show`: words of a value.
 */
export function Plot(given) {
  const { label, times, lines, show, isStacked = false, isWide = false, spanS, marks = [] } = given;
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plotter = useRef(/** @type {Plotter | undefined} */ (undefined));
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const shape = lines.map((line) => `${line.label}\n${line.color}`).join('\n');
  useEffect(() => {
    if (place.current === null) return undefined;
    const options = { lines, show, isStacked, isWide, spanS };
    const made = new Plotter(place.current, { ...options, onPoint: setAt });
    plotter.current = made;
    made.draw(times, lines, marks);
    return () => made.close();
  }, [shape, isStacked, isWide, spanS]);
  useEffect(() => plotter.current?.draw(times, lines, marks), [times, lines, marks]);
  const newest = times.length - 1;
  const shown = at === null || at > newest ? newest : at;
  return html`<figure class="plot">
    <figcaption>
      <ul class="legend">${lines.map(
        (line) => html`<li key=${line.label}>
          <svg class=${`swatch ${line.color}`} viewBox="0 0 10 10" aria-hidden="true">
            <rect width="10" height="10" rx="2" /></svg>
          <span class="name">${line.label}</span>
          <span class="value">${show(line.values[shown])}</span>
        </li>`,
      )}</ul>
      <span class="when">${shown < 0 ? ' ' : clock((times[shown] ?? 0) * 1e3)}</span>
    </figcaption>
    <div class="canvas" role="img" aria-label=${`${label}; the numbers stand below`}>
      <div ref=${place}></div>
      ${times.length < 2 && html`<p class="empty">Measuring: the first numbers come soon</p>`}
    </div>
    <${Numbers} label=${label} times=${times} lines=${lines} show=${show} marks=${marks} />
  </figure>`;
}

const rowsMax = 30;

/** At most so many rows, the newest first. @param {any} given */
function Numbers({ label, times, lines, show, marks }) {
  const [isOpen, setIsOpen] = useState(false);
  const step = Math.max(1, Math.ceil(times.length / rowsMax));
  const rows = [];
  for (let row = times.length - 1; row >= 0; row -= step) rows.push(row);
  return html`<details onToggle=${(/** @type {any} */ event) => setIsOpen(event.target.open)}>
    <summary>Numbers</summary>
    ${
      isOpen &&
      html`<div class="scroll low" tabindex="0" role="region" aria-label=${`Numbers: ${label}`}>
      <table>
        <thead><tr><th scope="col">Time</th>${lines.map(
          (/** @type {Line} */ line) => html`<th scope="col" class="number">${line.label}</th>`,
        )}</tr></thead>
        <tbody>${rows.map(
          (row) =>
            html`<tr key=${times[row]}><td>${clock(times[row] * 1e3)}</td>${lines.map(
              (/** @type {Line} */ line) => html`<td class="number">${show(line.values[row])}</td>`,
            )}</tr>`,
        )}</tbody>
      </table>
      ${
        marks.length > 0 &&
        html`<ul class="marks">${marks.map(
          (/** @type {Mark} */ mark) =>
            html`<li>${clock(mark.at * 1e3)} ${mark.isBad ? '✕' : '▼'} ${mark.label}</li>`,
        )}</ul>`
      }
    </div>`
    }
  </details>`;
}
