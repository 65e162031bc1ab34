/** The dashboard: who is signed in, which page is open, and what is said of it. */
import { change, get, Refusal } from './api.js';
import { Live, useDaemonLive } from './daemon-live.js';
import { html, render, useEffect, useRef, useState } from './library/preact.js';
import { DaemonPage } from './pages/daemon.js';
import { FunctionPage } from './pages/function.js';
import { Keys } from './pages/keys.js';
import { Log, RequestPage } from './pages/log.js';
import { Names } from './pages/names.js';
import { Operators } from './pages/operators.js';
import { Overview } from './pages/overview.js';
import { OwnerSessions } from './pages/owner-sessions.js';
import { OwnerSignIn } from './pages/owner-sign-in.js';
import { OperatorSignIn } from './pages/sign-in.js';
import { Site } from './pages/site.js';
import { Sites } from './pages/sites.js';
import { Say } from './parts/actions.js';
import { linkTo, usePlace } from './places.js';

const isOwners = document.documentElement.dataset.role === 'owner';
const operatorPages = /** @type {const} */ ([
  ['overview', 'Overview'],
  ['sites', 'Sites'],
  ['log', 'Log'],
  ['daemon', 'Daemon'],
  ['names', 'Host names'],
  ['operators', 'Bans and audit'],
]);
const ownerPages = /** @type {const} */ ([
  ['overview', 'Site'],
  ['log', 'Log'],
  ['names', 'Host names'],
  ['sessions', 'Sessions'],
]);

function App() {
  const [session, setSession] = useState(/** @type {any} */ (undefined));
  const [trouble, setTrouble] = useState('');
  const look = async () => {
    try {
      await redeemFragment();
      setSession(await get('/v1/session'));
    } catch (error) {
      const isShutOut = error instanceof Refusal && error.status === 401;
      setTrouble(isShutOut ? '' : String(error instanceof Error ? error.message : error));
      setSession(null);
    }
  };
  useEffect(() => void look(), []);
  if (session === undefined) return html`<main class="door"><p class="empty">…</p></main>`;
  const SignIn = isOwners ? OwnerSignIn : OperatorSignIn;
  if (session === null) return html`<${SignIn} onDone=${look} trouble=${trouble} />`;
  const Shell = isOwners ? OwnerShell : OperatorShell;
  return html`<${Shell} session=${session} />`;
}

/** The link's token: once it was traded for a cookie, the address does not hold it any more. */
async function redeemFragment() {
  const [, token] = /^#token=([\w-]+)$/.exec(location.hash) ?? [];
  if (token === undefined) return;
  history.replaceState(null, '', location.pathname);
  await change('POST', '/v1/session', { token });
}

/** @param {{ session: any }} given */
function OperatorShell({ session }) {
  const live = useDaemonLive();
  return html`<${Live.Provider} value=${live}>
    <${Frame} pages=${operatorPages} session=${session} state=${live.state} />
  <//>`;
}

/** @param {{ session: any }} given */
function OwnerShell({ session }) {
  return html`<${Frame} pages=${ownerPages} session=${session} state="" />`;
}

const sayMs = 6_000;

/** @param {{ pages: readonly (readonly [string, string])[], session: any, state: string }} given */
function Frame({ pages, session, state }) {
  const place = usePlace();
  const [said, setSaid] = useState('');
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const nav = useRef(/** @type {HTMLElement | null} */ (null));
  const key = [place.page, ...place.parts].join('/');
  useEffect(() => {
    const title = pages.find(([page]) => page === place.page)?.[1] ?? place.parts.at(-1) ?? '';
    document.title = `${title} · terrafirma`;
    scrollTo(0, 0);
    // On a phone the bar is wider than the screen.
    const current = nav.current?.querySelector('[aria-current]');
    current?.scrollIntoView({ block: 'nearest', inline: 'center' });
    const heading = /** @type {HTMLElement | null} */ (main.current?.querySelector('h1') ?? null);
    heading?.focus({ preventScroll: true });
  }, [key]);
  useEffect(() => {
    if (said === '') return undefined;
    const timer = setTimeout(() => setSaid(''), sayMs);
    return () => clearTimeout(timer);
  }, [said]);
  return html`<${Say.Provider} value=${setSaid}>
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      main.current?.focus();
    }}>To the content</a>
    <header class="top">
      <a class="brand" href=${linkTo('overview')}>terrafirma</a>
      <nav aria-label="Pages" ref=${nav}>${pages.map(
        ([page, title]) => html`<a key=${page} href=${linkTo(page)}
          aria-current=${page === place.page ? 'page' : undefined}>${title}</a>`,
      )}</nav>
      <span class=${`live ${state}`}>${stateWords[state] ?? ''}</span>
    </header>
    <main id="main" tabindex="-1" ref=${main} key=${key}>
      <${Page} place=${place} session=${session} />
    </main>
    <div role="status" class=${said === '' ? 'said' : 'said shown'}>${said}</div>
  <//>`;
}

const stateWords = /** @type {Record<string, string>} */ ({
  open: '● live',
  waiting: '○ connecting',
  hidden: '○ paused',
});

/** @param {{ place: import('./places.js').Place, session: any }} given */
function Page({ place, session }) {
  const [first = '', second = ''] = place.parts;
  switch (place.page) {
    case 'overview':
      return isOwners ? html`<${Site} folder=${session.folder} />` : html`<${Overview} />`;
    case 'sites':
      return html`<${Sites} />`;
    case 'site':
      return html`<${Site} folder=${first} />`;
    case 'function':
      return html`<${FunctionPage} folder=${first} module=${second} />`;
    case 'keys':
      return html`<${Keys} folder=${first} module=${second} />`;
    case 'log':
      return html`<${Log} query=${place.query} isOwner=${isOwners} />`;
    case 'request':
      return html`<${RequestPage} id=${first} />`;
    case 'daemon':
      return html`<${DaemonPage} />`;
    case 'names':
      return html`<${Names} name=${place.parts[0]}
        folder=${isOwners ? session.folder : undefined} />`;
    case 'operators':
      return html`<${Operators} />`;
    case 'sessions':
      return html`<${OwnerSessions} session=${session} />`;
    default:
      return html`<h1 tabindex="-1">There is no such page</h1>
        <p><a href=${linkTo('overview')}>To the overview</a></p>`;
  }
}

const place = document.getElementById('app');
if (place !== null) render(html`<${App} />`, place);
