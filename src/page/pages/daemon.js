/** The daemon itself: where its own limits are, and who holds what. For judging oneself. */
import { change, get } from '../api.js';
import { Live } from '../daemon-live.js';
import { bytes, count, counted, dateTime, duration, percent, span } from '../format.js';
import { html, useContext, useMemo } from '../library/preact.js';
import { useLook } from '../live.js';
import { ActButton } from '../parts/actions.js';
import { Card, Facts, FunctionLink, Meter, Table } from '../parts/basics.js';
import { Cluster } from '../parts/cluster.js';
import { visible } from '../parts/log-lines.js';
import { Plot } from '../parts/plot.js';

export function DaemonPage() {
  const { status, seconds } = useContext(Live);
  if (status === undefined) return html`<h1 tabindex="-1">Daemon</h1><p class="empty">…</p>`;
  return html`<div class="title"><h1 tabindex="-1">Daemon</h1></div>
    <div class="grid">
      <${Room} status=${status} />
      <${Held} memory=${status.memory} />
      <${Busy} seconds=${seconds} />
      <${Threads} threads=${status.threads} />
      <${Runs} />
      <${Reached} rows=${status.limitsReached} />
      <${Caches} cache=${status.cache} />
      ${status.cluster && html`<${Cluster} settings=${status.cluster} />`}
      <${About} status=${status} />
    </div>`;
}

/** @param {{ status: any }} given */
function Room({ status }) {
  const { descriptors, memory, threads, queued, controlLagMs } = status;
  const busy = threads.filter((/** @type {any} */ { runs }) => runs > 0).length;
  const lag = Math.max(0, ...threads.map((/** @type {any} */ { lagMs }) => lagMs));
  return html`<${Card} title="How much room is left">
    <${Meter} label="Threads busy" value=${busy} max=${threads.length} show=${count} />
    <${Meter} label="Instances" value=${memory.instances} max=${memory.instancesMax}
      show=${count} />
    <${Meter} label="Memory" value=${memory.residentBytes} max=${memory.bytesMax} show=${bytes} />
    <${Meter} label="Descriptors" value=${descriptors.open ?? 0} max=${descriptors.max}
      show=${count} />
    <${Meter} label="Requests that wait" value=${queued} max=${null} show=${count} />
    <${Meter} label="Lag of the slowest thread" value=${lag} max=${null} show=${duration} />
    <${Meter} label="Lag of the control plane" value=${controlLagMs} max=${null} show=${duration} />
  <//>`;
}

const holders = /** @type {Record<string, string>} */ ({
  'idle-guest': 'guests that wait for a run',
  memory: 'guests that run',
  heap: 'heaps of guests',
  'request-body': 'bodies of requests',
  reply: 'answers on their way',
  run: 'what runs hold',
  websocket: 'WebSockets',
  'key-value': 'key-value data in transit',
  log: 'lines of the log',
  listing: 'listings of folders',
  code: 'compiled modules',
  cache: 'caches of sites',
});

/** @param {{ memory: any }} given */
function Held({ memory }) {
  const held = Object.entries(memory.by)
    .map(([name, bytesHeld]) => ({ name: holders[name] ?? name, held: Number(bytesHeld) }))
    .filter((row) => row.held > 0);
  const counted = held.reduce((sum, row) => sum + row.held, 0);
  const rest = { name: 'the program itself', held: Math.max(0, memory.residentBytes - counted) };
  const rows = [...held, rest].sort((one, other) => other.held - one.held);
  const none = Object.keys(memory.by).length - held.length;
  return html`<${Card} title="Who holds the memory" aside=${`of ${bytes(memory.residentBytes)}`}>
    ${rows.map(
      (row) => html`<${Meter} key=${row.name} label=${row.name} value=${row.held}
        max=${memory.residentBytes} show=${bytes} isPart />`,
    )}
    ${none > 0 && html`<p class="muted small">${count(none)} others hold nothing</p>`}
  <//>`;
}

/** @param {{ seconds: import('../daemon-live.js').Seconds }} given */
function Busy({ seconds }) {
  const { series, times } = seconds;
  const lag = useMemo(
    () => [{ label: 'Slowest thread', color: 'p99', values: series.lagMs ?? [] }],
    [series],
  );
  const runs = useMemo(
    () => [
      { label: 'Running', color: 'requests', values: series.running ?? [] },
      { label: 'Waiting', color: 'errors', values: series.waiting ?? [] },
    ],
    [series],
  );
  return html`<${Card} title="Event-loop lag" aside="5 min">
      <${Plot} label="Event-loop lag" spanS=${300} times=${times} lines=${lag} show=${duration} />
    <//>
    <${Card} title="Runs" aside="5 min">
      <${Plot} label="Runs" spanS=${300} times=${times} lines=${runs} show=${count} />
    <//>`;
}

/** @param {{ threads: readonly any[] }} given */
function Threads({ threads }) {
  const number = (/** @type {string} */ title, /** @type {(row: any) => unknown} */ cell) => ({
    title,
    number: true,
    cell,
  });
  const columns = [
    { title: 'Thread', cell: (/** @type {any} */ { n }) => n },
    number('Beat', ({ beatAgeMs }) => `${duration(beatAgeMs)} ago`),
    number('Lag', ({ lagMs }) => duration(lagMs)),
    number('Running', ({ runs }) => count(runs)),
    number('Waiting', ({ queued, waiting }) => count(waiting + queued)),
    number('Instances', ({ instances }) => count(instances)),
    number('Connections', ({ connections }) => count(connections)),
    number('WebSockets', ({ websockets }) => count(websockets)),
    number('Heap', ({ heapBytes }) => bytes(heapBytes)),
  ];
  return html`<${Card} title="Serving threads" wide>
    <${Table} label="Serving threads" columns=${columns} rows=${threads}
      keyOf=${(/** @type {any} */ { n }) => String(n)} />
  <//>`;
}

function Runs() {
  const { value, again } = useLook(() => get('/v1/runs'), [], 2_000);
  const end = (/** @type {any} */ run) => async () => {
    await change('DELETE', `/v1/runs/${encodeURIComponent(run.id)}`);
    again();
    return `The run ${run.id} was ended`;
  };
  const columns = [
    { title: 'Request', cell: (/** @type {any} */ { id }) => html`<code>${id}</code>` },
    { title: 'Host name', wraps: true, cell: (/** @type {any} */ { host }) => visible(host) },
    { title: 'Function', wraps: true, cell: (/** @type {any} */ run) => FunctionLink(run) },
    { title: 'Phase', cell: (/** @type {any} */ { phase }) => phase },
    { title: 'Age', number: true, cell: (/** @type {any} */ { ageMs }) => duration(ageMs) },
    { title: 'CPU', number: true, cell: (/** @type {any} */ { cpuMs }) => duration(cpuMs) },
    {
      title: 'Action',
      cell: (/** @type {any} */ run) => html`<${ActButton} label="End" danger
        name=${`End the run ${run.id}`} question=${`End the run ${run.id}?`}
        detail="Its visitor gets 503." act=${end(run)} />`,
    },
  ];
  return html`<${Card} title="What runs now" wide>
    <${Table} label="What runs now" columns=${columns} rows=${value?.runs ?? []}
      keyOf=${(/** @type {any} */ { id }) => id} empty="Nothing at this moment" />
  <//>`;
}

const outcomes = /** @type {Record<string, string>} */ ({
  'out-of-cpu': 'CPU time of a run',
  'out-of-time': 'time of a run',
  'out-of-memory': 'memory of a run',
  refused: 'runs at once',
});

/** @param {{ rows: readonly any[] }} given */
function Reached({ rows }) {
  const columns = [
    { title: 'Function', wraps: true, cell: (/** @type {any} */ row) => FunctionLink(row) },
    {
      title: 'Limit',
      cell: (/** @type {any} */ { outcome }) => outcomes[outcome] ?? outcome,
    },
    { title: 'Times', number: true, cell: (/** @type {any} */ row) => count(row.count) },
  ];
  return html`<${Card} title="Limits that were reached" aside="the last hour" wide>
    <${Table} label="Limits that were reached" columns=${columns} rows=${rows}
      keyOf=${(/** @type {any} */ row) => `${row.folder}/${row.module} ${row.outcome}`}
      empty="None" />
  <//>`;
}

/** @param {{ cache: any }} given */
function Caches({ cache }) {
  const { bytes: held, collapsed, evicted, hits, misses, objects, purged, stored } = cache;
  const asked = hits + misses;
  const rows = /** @type {(readonly [string, unknown])[]} */ ([
    ['Held', `${counted(objects, 'object')}, ${bytes(held)}`],
    ['Found', asked === 0 ? 'nobody has asked yet' : `${percent(hits / asked)} of ${count(asked)}`],
    ['Waited for another run', count(collapsed)],
    ['Stored', count(stored)],
    ['Taken out', `${count(evicted)} for room, ${count(purged)} at a word`],
  ]);
  return html`<${Card} title="Caches of sites" aside="since the start" wide>
    <${Facts} rows=${rows} />
  <//>`;
}

/** @param {{ status: any }} given */
function About({ status }) {
  const { configFile, listening, node, pid, startedAt, stateDirectory } = status;
  const { stateBytes, stateFreeBytes } = status;
  const taken = stateBytes === null ? '' : `, ${bytes(stateBytes)}`;
  const free = stateFreeBytes === null ? '' : `, ${bytes(stateFreeBytes)} free`;
  const rows = /** @type {(readonly [string, unknown])[]} */ ([
    ['Version', `${status.version} on Node.js ${node}, pid ${pid}`],
    ['Runs since', `${dateTime(startedAt)}, ${span(Date.now() - Date.parse(startedAt))}`],
    ['Serves at', listening.map((/** @type {string} */ url) => html`<div key=${url}>${url}</div>`)],
    ['Configuration', configFile ?? 'no file'],
    ['State', `${stateDirectory}${taken}${free}`],
    ['Store', status.store],
    [
      'Threads replaced',
      Object.entries(status.threadsReplaced)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
  ]);
  const reload = async () => {
    const { changed, needRestart } = await change('POST', '/v1/reload');
    if (changed.length + needRestart.length === 0) return 'Nothing has changed';
    const restart = needRestart.length === 0 ? '' : `; needs a restart: ${needRestart.join(', ')}`;
    return `In force: ${changed.join(', ') || 'nothing new'}${restart}`;
  };
  const aside = html`<${ActButton} label="Read the configuration again"
    question="Read the configuration again?"
    detail="A mistake in it changes nothing and is told here." act=${reload} />`;
  return html`<${Card} title="About the daemon" aside=${aside} wide><${Facts} rows=${rows} /><//>`;
}
