/** The first page: how the daemon is now, how it was, and what is wrong. */
import { get } from '../api.js';
import { Live, marksOf, secondsOf } from '../daemon-live.js';
import { bytes, count, duration, percent, rate } from '../format.js';
import { html, useContext, useMemo, useState } from '../library/preact.js';
import { useLook } from '../live.js';
import { Card, Choice, FunctionLink, Table, Tile } from '../parts/basics.js';
import { CpuPlot } from '../parts/cpu-plot.js';
import { Plot } from '../parts/plot.js';
import { WrongNow } from '../parts/wrong-now.js';

const spans = { '5 min': '5 min', '1 hour': '1 hour', '24 hours': '24 hours' };

export function Overview() {
  const live = useContext(Live);
  const [span, setSpan] = useState(/** @type {keyof typeof spans} */ ('5 min'));
  return html`<div class="title">
      <h1 tabindex="-1">Overview</h1>
      <${Choice} label="Time shown" value=${span} choices=${spans} onChange=${setSpan} />
    </div>
    <${Tiles} status=${live.status} seconds=${live.seconds} />
    <${Plots} span=${span} live=${live} />
    <div class="grid">
      <${WrongNow} status=${live.status} />
      <${Worst} />
    </div>`;
}

const secondsInTile = 10;

/** @param {{ status: any, seconds: import('../daemon-live.js').Seconds }} given */
function Tiles({ status, seconds }) {
  const mean = (/** @type {string} */ name) => {
    const values = (seconds.series[name] ?? []).slice(-secondsInTile);
    if (values.length === 0) return null;
    return (
      values.reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0) / values.length
    );
  };
  const requests = mean('requests');
  const errors = mean('errors');
  const cpuMs = mean('cpuMs');
  const threads = status?.threads ?? [];
  const busy = threads.filter((/** @type {any} */ { runs }) => runs > 0).length;
  const waiting = status?.queued ?? 0;
  const failed = errors !== null && requests ? percent(errors / requests) : '0 %';
  const { memory, lastMinute } = status ?? {};
  return html`<dl class="tiles">
    <${Tile} label="Requests" value=${rate(requests)} note="a second" />
    <${Tile} label="Errors" value=${rate(errors)} note=${`a second, ${failed}`}
      tone=${errors ? 'bad' : ''} />
    <${Tile} label="p50" value=${duration(lastMinute?.p50Ms)} note="of a minute" />
    <${Tile} label="p99" value=${duration(lastMinute?.p99Ms)} note="of a minute" />
    <${Tile} label="CPU of functions" value=${cpuMs === null ? '–' : percent(cpuMs / 1e3)}
      note="of one core" />
    <${Tile} label="Memory" value=${bytes(memory?.residentBytes)}
      note=${`of ${bytes(memory?.bytesMax)}`} />
    <${Tile} label="Threads busy" value=${`${busy} of ${threads.length}`}
      note=${`lag ${duration(Math.max(0, ...threads.map((/** @type {any} */ t) => t.lagMs)))}`} />
    <${Tile} label="Queue" value=${count(waiting)} note="requests wait"
      tone=${waiting > 0 ? 'warn' : ''} />
  </dl>`;
}

/** @param {{ span: string, live: import('../daemon-live.js').DaemonLive }} given */
function Plots({ span, live }) {
  const isLive = span === '5 min';
  const steps = span === '1 hour' ? 60 : 1_440;
  const { value: minutes } = useLook(
    () => (isLive ? Promise.resolve(undefined) : get(`/v1/history?stepS=60&steps=${steps}`)),
    [span],
    60_000,
  );
  const { times, series } = isLive ? live.seconds : secondsOf(minutes ?? noMinutes);
  const perSecond = (/** @type {string} */ name) =>
    (series[name] ?? []).map((value) => (value === null ? null : value / (isLive ? 1 : 60)));
  const marks = useMemo(() => marksOf(live.deploys), [live.deploys]);
  const spanS = isLive ? 300 : steps * 60;
  const requests = useMemo(
    () => [
      { label: 'Requests', color: 'requests', values: perSecond('requests') },
      { label: 'Errors', color: 'errors', values: perSecond('errors') },
    ],
    [series],
  );
  const latency = useMemo(
    () => [
      { label: 'p50', color: 'p50', values: series.p50Ms ?? [] },
      { label: 'p99', color: 'p99', values: series.p99Ms ?? [] },
    ],
    [series],
  );
  return html`<div class="grid">
    <${Card} title="Requests and errors" aside="a second">
      <${Plot} label="Requests and errors a second" ...${{ times, marks }} lines=${requests}
        spanS=${spanS} show=${rate} />
    <//>
    <${Card} title="How long requests take" aside="▼ deployed  ✕ refused">
      <${Plot} label="Duration of requests" ...${{ times, marks }} lines=${latency}
        spanS=${spanS} isWide show=${duration} />
    <//>
    <${CpuPlot} marks=${marks} seconds=${isLive ? 300 : 3_600} />
  </div>`;
}

const noMinutes = { endsAt: new Date(0).toISOString(), stepS: 60, series: {} };

function Worst() {
  const { value, error } = useLook(() => get('/v1/top?by=cpu&of=module&windowS=300&limit=10'), []);
  const columns = [
    { title: 'Function', wraps: true, cell: (/** @type {any} */ row) => FunctionLink(row) },
    { title: 'Requests', number: true, cell: (/** @type {any} */ row) => count(row.requests) },
    { title: 'Errors', number: true, cell: (/** @type {any} */ row) => count(row.errors) },
    { title: 'p99', number: true, cell: (/** @type {any} */ row) => duration(row.p99Ms) },
    { title: 'CPU', number: true, cell: (/** @type {any} */ row) => percent(row.cpuShare) },
  ];
  return html`<${Card} title="Who uses most" aside="the last 5 min">
    ${error && html`<p class="trouble" role="alert">${error.message}</p>`}
    <${Table} label="Who uses most" columns=${columns} rows=${value?.rows ?? []}
      keyOf=${(/** @type {any} */ row) => `${row.folder}/${row.module}`}
      empty="No requests in the last five minutes" />
  <//>`;
}
