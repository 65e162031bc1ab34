/** How owners get in: who can write a file into the folder is who answers for it. */
import { change, get } from '../api.js';
import { span } from '../format.js';
import { html, useEffect, useState } from '../library/preact.js';

const askMs = 2_000;

/** @param {{ onDone: () => void, trouble: string }} given */
export function OwnerSignIn({ onDone, trouble }) {
  const [site, setSite] = useState('');
  const [code, setCode] = useState(/** @type {any} */ (undefined));
  const [error, setError] = useState(trouble);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setError('');
    try {
      setCode(await change('POST', '/v1/sign-in', { site }));
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
  };
  const giveUp = (/** @type {string} */ why) => {
    setCode(undefined);
    setError(why);
  };
  return html`<main class="door" id="main">
    <h1 tabindex="-1">Your site</h1>
    ${error && html`<p class="trouble" role="alert">${error}</p>`}
    ${
      code === undefined
        ? html`<form onSubmit=${submit}>
          <p>Whoever can write into a site's folder may look at it here. There is no account.</p>
          <label>Host name or folder
            <input value=${site} required placeholder="example.com" autocapitalize="off"
              autocomplete="off" spellcheck="false"
              onInput=${(/** @type {any} */ event) => setSite(event.target.value.trim())} /></label>
          <button type="submit" class="main" disabled=${site === ''}>Show me a code</button>
        </form>`
        : html`<${Waiting} code=${code} site=${site} onDone=${onDone} giveUp=${giveUp} />`
    }
  </main>`;
}

/** @param {{ code: any, site: string, onDone: () => void, giveUp: (why: string) => void }} given */
function Waiting({ code, site, onDone, giveUp }) {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    let isAsking = false;
    const ask = async () => {
      setNowMs(Date.now());
      if (isAsking) return;
      isAsking = true;
      try {
        const { state } = await get('/v1/sign-in');
        if (state === 'signed-in') onDone();
        if (state === 'over') giveUp('The code is over. Ask for another.');
      } catch {
        // The next time may be better: the code holds for ten minutes.
      } finally {
        isAsking = false;
      }
    };
    const timer = setInterval(() => void ask(), askMs);
    return () => clearInterval(timer);
  }, [code]);
  const leftMs = Math.max(0, Date.parse(code.until) - nowMs);
  return html`<p>Make this file in the folder of <b>${site}</b>; it may be empty:</p>
    <pre>.terrafirma/sign-in/${code.code}</pre>
    <p>or, where the folder is on this machine:</p>
    <pre>terrafirma sign-in ${code.code}</pre>
    <p class="why"><strong>Whoever's browser shows this code then controls this site: do it only
      for a code you asked for.</strong></p>
    <p role="status" class="muted">Waits for the file. The code holds for ${span(leftMs)}.</p>
    <button type="button" onClick=${() => giveUp('')}>Cancel</button>`;
}
