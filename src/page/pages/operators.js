/** Who is shut out, who operates the daemon, and what was done to it. */
import { change, get } from '../api.js';
import { ago, dateTime } from '../format.js';
import { html, useContext, useState } from '../library/preact.js';
import { useLook } from '../live.js';
import { ActButton, Say } from '../parts/actions.js';
import { Card, Shown, Table } from '../parts/basics.js';
import { visible } from '../parts/log-lines.js';

const kinds = { host: 'Host name', folder: 'Folder', address: 'Address' };
const examples = /** @type {Record<string, string>} */ ({
  host: '*.evil.example',
  folder: '/keybase/public/eve',
  address: '203.0.113.0/24',
});

export function Operators() {
  return html`<div class="title"><h1 tabindex="-1">Bans and audit</h1></div>
    <div class="grid"><${Bans} /><${Sessions} /><${Audit} /></div>`;
}

function Bans() {
  const { value, error, again } = useLook(() => get('/v1/bans?limit=500'), [], 10_000);
  const lift = (/** @type {any} */ ban) => async () => {
    await change('DELETE', '/v1/bans', { kind: ban.kind, value: ban.value });
    again();
    return `${ban.value} is let in again`;
  };
  const columns = [
    {
      title: 'Who',
      wraps: true,
      cell: (/** @type {any} */ ban) => html`<code>${ban.value}</code>`,
    },
    { title: 'Kind', cell: (/** @type {any} */ { kind }) => kind },
    { title: 'Reason', wraps: true, cell: (/** @type {any} */ { reason }) => visible(reason) },
    {
      title: 'Until',
      cell: (/** @type {any} */ { until }) => (until === null ? 'for good' : dateTime(until)),
    },
    {
      title: 'Action',
      cell: (
        /** @type {any} */ ban,
      ) => html`<${ActButton} label="Let in" name=${`Let in ${ban.value}`}
        question=${`Let ${ban.value} in again?`} act=${lift(ban)} />`,
    },
  ];
  return html`<${Card} title="Banned" wide>
    <${BanForm} again=${again} />
    <${Shown} error=${error} isWaiting=${value === undefined}>
      <${Table} label="Banned" columns=${columns} rows=${value?.bans ?? []}
        keyOf=${(/** @type {any} */ ban) => `${ban.kind} ${ban.value}`} empty="Nobody is banned" />
    <//>
  <//>`;
}

/** @param {{ again: () => void }} given */
function BanForm({ again }) {
  const [kind, setKind] = useState('host');
  const [value, setValue] = useState('');
  const [reason, setReason] = useState('');
  const ban = async () => {
    await change('POST', '/v1/bans', { kind, value, reason });
    again();
    setValue('');
    setReason('');
    return `${value} is banned`;
  };
  return html`<div class="filters">
    <label>Kind <select value=${kind}
      onChange=${(/** @type {any} */ event) => setKind(event.target.value)}>
      ${Object.entries(kinds).map(([name, label]) => html`<option value=${name}>${label}</option>`)}
    </select></label>
    <label>Who <input value=${value} placeholder=${examples[kind]}
      onInput=${(/** @type {any} */ event) => setValue(event.target.value.trim())} /></label>
    <label>Reason <input value=${reason} placeholder="for other operators"
      onInput=${(/** @type {any} */ event) => setReason(event.target.value)} /></label>
    <${ActButton} label="Ban" danger disabled=${value === ''} question=${`Ban ${value}?`}
      detail="Its requests answer 403, its handshakes are refused, what runs for it ends."
      act=${ban} />
  </div>`;
}

function Sessions() {
  const { value } = useLook(() => get('/v1/session'), [], 30_000);
  const say = useContext(Say);
  const leave = async () => {
    await change('DELETE', '/v1/session');
    say('Signed out');
    location.reload();
    return 'Signed out';
  };
  const columns = [
    { title: 'Session', cell: (/** @type {any} */ { id }) => html`<code>${id}</code>` },
    { title: 'From', cell: (/** @type {any} */ { address }) => address },
    { title: 'Since', cell: (/** @type {any} */ { startedAt }) => ago(startedAt) },
    { title: 'Last seen', cell: (/** @type {any} */ { seenAt }) => ago(seenAt) },
  ];
  const aside =
    value?.actor === 'session' &&
    html`<${ActButton} label="Sign out" question="Sign this browser out?" act=${leave} />`;
  return html`<${Card} title="Browsers that are signed in" aside=${aside} wide>
    <${Table} label="Browsers that are signed in" columns=${columns} rows=${value?.sessions ?? []}
      keyOf=${(/** @type {any} */ { id }) => id}
      empty="None: who uses the socket needs no session" />
  <//>`;
}

function Audit() {
  const { value, error } = useLook(() => get('/v1/log?event=operator-action&limit=100'), [], 5_000);
  const columns = [
    { title: 'When', cell: (/** @type {any} */ { time }) => dateTime(time) },
    { title: 'What', cell: (/** @type {any} */ { action }) => visible(action) },
    { title: 'To what', wraps: true, cell: (/** @type {any} */ { target }) => visible(target) },
    { title: 'By', cell: (/** @type {any} */ { actor }) => visible(actor) },
  ];
  return html`<${Card} title="What operators did" aside="as far as the log is kept" wide>
    <${Shown} error=${error} isWaiting=${value === undefined}>
      <${Table} label="What operators did" columns=${columns}
        rows=${[...(value?.lines ?? [])].reverse()}
        keyOf=${(/** @type {any} */ line) => `${line.time} ${line.target}`} />
    <//>
  <//>`;
}
