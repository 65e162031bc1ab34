/** Several nodes with one store: who is there, and how this node gets on with the servers. */
import { get } from '../api.js';
import { ago, bytes, count, dateTime, duration } from '../format.js';
import { html } from '../library/preact.js';
import { useLook } from '../live.js';
import { Badge, Card, Facts, Table } from './basics.js';

const tones = /** @type {Record<string, 'good' | 'warn' | 'bad'>} */ ({
  ready: 'good',
  waiting: 'warn',
  refused: 'bad',
});

/** Of the streams that the servers have. */
const copyColumns = [
  { title: 'Stream', wraps: true, cell: (/** @type {any} */ { stream }) => stream },
  { title: 'Keys', number: true, cell: (/** @type {any} */ { keys }) => count(keys) },
  { title: 'Size', number: true, cell: (/** @type {any} */ { bytes: held }) => bytes(held) },
  { title: 'Led by', cell: (/** @type {any} */ { leader }) => leader ?? 'its only server' },
  { title: 'Whole', number: true, cell: (/** @type {any} */ given) => count(given.wholeCopies) },
  { title: 'Behind', wraps: true, cell: (/** @type {any} */ { late }) => describeLate(late) },
];

/** @param {{ server: string, behind: number | null }[]} late */
function describeLate(late) {
  if (late.length === 0) return 'none';
  const words = late.map(({ server, behind }) =>
    behind === null ? `${server} is silent` : `${server} by ${count(behind)}`,
  );
  return html`<span class="trouble">${words.join(', ')}</span>`;
}

/** @param {{ settings: any }} given What the configuration says of it. */
export function Cluster({ settings }) {
  const { value, error } = useLook(() => get('/v1/cluster'), [], 5_000);
  const told = value?.cluster;
  const columns = [
    {
      title: 'Node',
      wraps: true,
      cell: (/** @type {any} */ { isThis, node }) =>
        html`${node}${isThis && html` <span class="muted">this one</span>`}`,
    },
    {
      title: 'There since',
      cell: (/** @type {any} */ { startedAt }) =>
        html`<time datetime=${startedAt} title=${dateTime(startedAt)}>${ago(startedAt)}</time>`,
    },
  ];
  return html`<${Card} title="Nodes" aside=${settings.name}>
      ${error && html`<p class="trouble" role="alert">${error.message}</p>`}
      <${Table} label="Nodes" columns=${columns} rows=${told?.nodes ?? []}
        keyOf=${(/** @type {any} */ { node }) => node}
        empty=${told === undefined ? '…' : 'Nobody can be seen: the servers do not answer'} />
    <//>
    <${Card} title="The shared store">
      ${told && html`<${Facts} rows=${factsOf(told, settings)} />`}
    <//>
    <${Card} title="Copies" wide>
      <${Table} label="Copies" columns=${copyColumns} rows=${told?.streams ?? []}
        keyOf=${(/** @type {any} */ { stream }) => stream}
        empty=${told === undefined ? '…' : 'Nothing can be seen: the servers do not answer'} />
    <//>`;
}

/** @param {any} told @param {any} settings @returns {(readonly [string, unknown])[]} */
function factsOf(told, settings) {
  const { locks, reason, server, state, writes } = told;
  const { p50Ms, p99Ms } = told.slowWrites;
  const failed = writes.limit + writes.full + writes.unavailable + writes.unknown + writes.refused;
  const within = (/** @type {number | null} */ ms) =>
    ms === null ? '–' : `within ${duration(ms)}`;
  return [
    ['State', html`<${Badge} tone=${tones[state] ?? 'bad'}>${state}<//> ${reason ?? ''}`],
    ['Server', server === '' ? '–' : server],
    [
      'Servers, copies, parts',
      `${count(settings.servers)}, ${count(settings.replicas)}, ${count(settings.shards)}`,
    ],
    ['Writes', `${count(writes.done)} done, ${count(writes.conflict)} conflicts, ${failed} failed`],
    ['Half of the writes', within(p50Ms)],
    ['99 of 100 writes', within(p99Ms)],
    ['Reads that asked a server', count(told.leaderReads)],
    ['Connections lost', count(told.connectionsLost)],
    ['The server’s clock', `${duration(Math.abs(told.clockOffsetMs))} away from this one`],
    ['One node alone does', locks.length === 0 ? 'nothing now' : locks.join(', ')],
  ];
}
