/** CPU time by function, stacked: who uses the machine, at a glance. */
import { get, queryOf } from '../api.js';
import { percent } from '../format.js';
import { html, useMemo } from '../library/preact.js';
import { useLook } from '../live.js';
import { Card } from './basics.js';
import { Plot } from './plot.js';

const colors = 8;

/**
 * @param {{ folder?: string, module?: string, seconds: number,
 *   marks: readonly import('./plot.js').Mark[] }} given
 */
export function CpuPlot({ folder, module, seconds, marks }) {
  const query = queryOf({ of: 'cpu', folder, module });
  const { value } = useLook(() => get(`/v1/history${query}`), [query], 10_000);
  const { times, lines } = useMemo(() => linesOf(value, seconds), [value, seconds]);
  const title = module === undefined ? 'CPU by function' : 'CPU time';
  return html`<${Card} title=${title} aside="of one core" wide>
    ${
      lines.length === 0
        ? html`<p class="empty tall">No function has used the CPU in the last hour</p>`
        : html`<${Plot} label="CPU by function" isStacked ...${{ times, lines, marks }}
            spanS=${seconds} show=${(/** @type {number} */ share) => percent(share ?? 0)} />`
    }
  <//>`;
}

/** @param {any} told @param {number} seconds */
function linesOf(told, seconds) {
  if (told === undefined) return { times: [], lines: [] };
  const { endsAt, rows, stepS } = told;
  const steps = Math.floor(seconds / stepS);
  const length = Math.min(steps, rows[0]?.values.length ?? 0);
  const end = Date.parse(endsAt) / 1e3;
  const times = Array.from({ length }, (_, at) => end - (length - 1 - at) * stepS);
  const lines = rows.map((/** @type {any} */ row, /** @type {number} */ at) => ({
    label: nameOf(row, rows),
    color: row.isRest ? 'rest' : `c${at % colors}`,
    values: row.values.slice(-length).map((/** @type {number} */ ms) => ms / (stepS * 1e3)),
  }));
  return { times, lines };
}

/** The folder stands with it where two have a function of that name.
 *
 * @param {any} row @param {readonly any[]} rows
 */
function nameOf({ folder, isRest, module }, rows) {
  if (isRest) return 'all others';
  if (folder === null) return 'without a row';
  const isOneOfMany = rows.some((other) => other.module === module && other.folder !== folder);
  return isOneOfMany ? `${folder.split('/').at(-1)}/${module}` : module;
}
