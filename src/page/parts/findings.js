/** What `terrafirma doctor` says of a host name, with the next step first. */
import { get } from '../api.js';
import { html } from '../library/preact.js';
import { useLook } from '../live.js';
import { Badge, Card, Shown } from './basics.js';
import { visible } from './log-lines.js';

/** A note is nothing to worry about: most names have no AAAA record. */
const tones = /** @type {Record<string, 'good' | 'idle' | 'bad'>} */ ({
  ok: 'good',
  note: 'idle',
  bad: 'bad',
});

/** What stands between backticks is to be typed. @param {string} text */
function inCode(text) {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part));
}

/** @param {{ name: string }} given */
export function Findings({ name }) {
  const path = `/v1/doctor/${encodeURIComponent(name)}`;
  const { value, error } = useLook(() => get(path), [path], 60_000);
  const findings = value?.findings ?? [];
  const next = findings.find((/** @type {any} */ { mark }) => mark === 'bad');
  return html`<${Card} title="What it needs" aside="as terrafirma doctor says" wide>
    <${Shown} error=${value === undefined ? error : undefined} isWaiting=${value === undefined}>
      <p class=${next === undefined ? 'next good' : 'next'}><strong>${
        next === undefined ? 'Nothing is missing.' : 'Next:'
      }</strong> ${inCode(visible(next?.nextStep ?? next?.text))}</p>
      <ul class="findings">${findings.map(
        (/** @type {any} */ { id, mark, text }, /** @type {number} */ at) => html`<li key=${at}>
          <${Badge} tone=${tones[mark] ?? 'idle'}>${visible(id)}<//>
          <span>${visible(text)}</span></li>`,
      )}</ul>
      <p class="muted small">Looked at from the daemon: it cannot say whether the world reaches
        it.</p>
    <//>
  <//>`;
}
