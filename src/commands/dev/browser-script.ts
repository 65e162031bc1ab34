/**
 * What a page of `terrafirma dev` runs in the browser: comes anew when the site has changed, shows
 * over the page what could not be built, and below an error page what the log says of it. Texts
 * reach the page as text nodes only, and styles by the object model, so that it runs under any
 * content security policy that lets the script itself in.
 */
export const browserScript = `(() => {
  const own = document.currentScript;
  const styles = new CSSStyleSheet();
  styles.replaceSync(\`
    :host { all: initial; }
    .over { position: fixed; inset: 0; z-index: 2147483647; overflow: auto; padding: 4vmin;
      background: rgb(16 20 28 / .94); color: #f1f3f7; font: 15px/1.5 system-ui, sans-serif; }
    .below { max-width: 60rem; margin: 2rem auto; padding: 1rem 1.5rem; border-radius: 8px;
      background: #10141c; color: #f1f3f7; font: 15px/1.5 system-ui, sans-serif; }
    h2 { font-size: 1.2rem; margin: 0 0 .6rem; } p { margin: .3rem 0; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, monospace;
      background: #05070a; padding: 1rem; border-radius: 6px; }
    button { font: inherit; margin-top: .5rem; }
  \`);
  const element = (name, text, parent) => {
    const made = document.createElement(name);
    if (text !== '') made.textContent = text;
    parent.append(made);
    return made;
  };
  const panel = (kind) => {
    const host = document.createElement('terrafirma-dev');
    const root = host.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles];
    const box = element('div', '', root);
    box.className = kind;
    document.documentElement.append(host);
    return { host, box };
  };

  let shown;
  const show = (failures) => {
    shown?.host.remove();
    shown = undefined;
    if (failures.length === 0) return;
    shown = panel('over');
    shown.box.setAttribute('role', 'alertdialog');
    for (const { name, reason, output } of failures) {
      element('h2', name + ' was not built', shown.box);
      element('p', reason, shown.box);
      if (output !== '') element('pre', output, shown.box);
    }
    element('p', 'The last good version goes on. This closes when it is mended.', shown.box);
    const close = element('button', 'Close', shown.box);
    close.addEventListener('click', () => show([]));
    close.focus();
  };

  let run;
  const events = new EventSource('/.terrafirma/events');
  events.addEventListener('reload', () => location.reload());
  events.addEventListener('state', (event) => {
    const state = JSON.parse(event.data);
    if (run !== undefined && run !== state.run) location.reload();
    run = state.run;
    show(state.failures);
  });

  const { request } = own.dataset;
  if (request === undefined) return;
  const tell = ({ lines }) => {
    const { box } = panel('below');
    element('h2', 'Request ' + request, box);
    element('pre', lines.join('\\n'), box);
  };
  fetch('/.terrafirma/requests/' + encodeURIComponent(request))
    .then((response) => response.json())
    .then(tell);
})();
`;
