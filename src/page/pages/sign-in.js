/** How operators get in: by the link of the command line, or by the token of the admin listener. */
import { change } from '../api.js';
import { html, useState } from '../library/preact.js';

/** @param {{ onDone: () => void, trouble: string }} given */
export function OperatorSignIn({ onDone, trouble }) {
  const [token, setToken] = useState('');
  const [error, setError] = useState(trouble);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await change('POST', '/v1/session', { token });
      onDone();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
  };
  return html`<main class="door" id="main">
    <h1 tabindex="-1">Sign in</h1>
    <p>On the machine of the daemon, run</p>
    <pre>terrafirma dashboard</pre>
    <p>and open the link that it prints. It works once.</p>
    ${error && html`<p class="trouble" role="alert">${error}</p>`}
    <form onSubmit=${submit}>
      <label>Or the token of the admin listener
        <input type="password" autocomplete="off" value=${token}
          onInput=${(/** @type {any} */ event) => setToken(event.target.value.trim())} /></label>
      <button type="submit" class="main" disabled=${token === ''}>Sign in</button>
    </form>
  </main>`;
}
