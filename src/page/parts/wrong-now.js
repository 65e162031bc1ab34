/** What is wrong now, each with the next step. */
import { get } from '../api.js';
import { bytes, count, counted, span } from '../format.js';
import { html } from '../library/preact.js';
import { useLook } from '../live.js';
import { linkTo } from '../places.js';
import { Badge, Card, FunctionLink } from './basics.js';

/** @typedef {{ key: string, tone: 'bad' | 'warn', what: unknown, next: unknown }} Fault */

const stuckMs = 5_000;
const freeBytesMin = 512 * 1024 * 1024;
const faultsShown = 12;

/** @param {{ status: any }} given */
export function WrongNow({ status }) {
  const { value, error } = useLook(
    async () => ({
      folders: (await get('/v1/folders?only=wrong&limit=50')).folders,
      certificates: (await get('/v1/certificates')).certificates,
    }),
    [],
    10_000,
  );
  const faults = [
    ...(status === undefined ? [] : faultsOfDaemon(status)),
    ...(value?.folders ?? []).flatMap(faultsOfFolder),
    ...(value?.certificates ?? []).flatMap(faultsOfCertificate),
    ...(status?.limitsReached ?? []).map(faultOfLimit),
  ];
  const rest = faults.length - faultsShown;
  return html`<${Card} title="What is wrong now"
      aside=${faults.length === 0 ? '' : count(faults.length)}>
    ${error && html`<p class="trouble" role="alert">${error.message}</p>`}
    ${
      faults.length === 0
        ? html`<p class="empty"><${Badge} tone="good">Nothing that the daemon knows of<//></p>`
        : html`<ul class="faults">${faults.slice(0, faultsShown).map(
            (fault) => html`<li key=${fault.key}>
            <${Badge} tone=${fault.tone}>${fault.what}<//><p>${fault.next}</p></li>`,
          )}</ul>`
    }
    ${
      rest > 0 &&
      html`<p class="muted">${count(rest)} more, see <a href=${linkTo('sites')}>Sites</a></p>`
    }
  <//>`;
}

/** @param {any} status @returns {Fault[]} */
function faultsOfDaemon({ memory, stateFreeBytes, threads, isDraining, descriptors }) {
  /** @type {Fault[]} */
  const faults = [];
  const tell = (/** @type {string} */ what, /** @type {string} */ next) =>
    faults.push({ key: what, tone: 'bad', what, next });
  if (isDraining) tell('The daemon is draining', 'It ends when its last requests have.');
  for (const { beatAgeMs, n } of threads) {
    if (beatAgeMs < stuckMs) continue;
    tell(`Thread ${n} has not turned for ${span(beatAgeMs)}`, 'It is replaced if it stays so.');
  }
  if (memory.residentBytes > memory.bytesMax * 0.95) {
    tell(
      'Memory is nearly used up',
      'See who has it under Daemon; raise process_memory_bytes_max.',
    );
  }
  if (stateFreeBytes !== null && stateFreeBytes < freeBytesMin) {
    tell(`Only ${bytes(stateFreeBytes)} free for the state`, 'Make room on its disk.');
  }
  if (descriptors.max !== null && descriptors.open > descriptors.max * 0.9) {
    tell('Nearly all descriptors are open', 'Raise LimitNOFILE of the service.');
  }
  return faults;
}

/** @param {any} folder @returns {Fault[]} */
function faultsOfFolder({ folder, modules, reason, state }) {
  const link = html`<a href=${linkTo('site', folder)}>${folder}</a>`;
  /** @type {Fault[]} */
  const faults = [];
  if (state === 'away' || state === 'closed') {
    faults.push({
      key: `${folder} ${state}`,
      tone: 'bad',
      what: html`${link} is ${state}`,
      next: reason,
    });
  }
  if (modules.refused > 0) {
    const many = modules.refused === 1 ? 'function is refused' : 'functions are refused';
    const what = html`${link}: ${modules.refused} ${many}`;
    faults.push({
      key: `${folder} refused`,
      tone: 'bad',
      what,
      next: 'Its page says why, file by file.',
    });
  }
  return faults;
}

/** @param {any} certificate @returns {Fault[]} */
function faultsOfCertificate({ host, lastError, nextTryAt, state }) {
  if (lastError === null && state !== 'over') return [];
  const how = state === 'over' ? 'is over' : 'could not be renewed';
  const what = `The certificate of ${host} ${how}`;
  const next = `${lastError ?? ''} ${nextTryAt === null ? '' : `Next try ${nextTryAt}`}`;
  return [{ key: `certificate ${host}`, tone: 'bad', what, next }];
}

const limitNext = /** @type {Record<string, string>} */ ({
  'out-of-cpu': 'stopped at cpu_ms_max: make it do less, or raise limits.cpu_ms',
  'out-of-time': 'stopped at wall_ms_max: what does it wait for?',
  'out-of-memory': 'stopped at memory_bytes_max: make it need less, or raise limits.memory',
  refused: 'turned away: too many of its runs at once',
});

/** @param {any} limit @returns {Fault} */
function faultOfLimit({ count: times, folder, module, outcome }) {
  return {
    key: `${folder}/${module} ${outcome}`,
    tone: 'warn',
    what: FunctionLink({ folder, module }),
    next: `${counted(times, 'time')} in the last hour ${limitNext[outcome] ?? outcome}`,
  };
}
