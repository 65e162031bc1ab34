/** Doing something to the daemon: asked once more, told once, and never twice at a time. */
import { createContext, html, useContext, useEffect, useRef, useState } from '../library/preact.js';

/** What the page has to say, for eyes and for screen readers. */
export const Say = createContext(/** @type {(text: string) => void} */ (() => undefined));

/**
 * A button that asks before it acts.
 *
 * @param {{ label: string, question: string, detail?: string, danger?: boolean,
 *   act: () => Promise<string>, disabled?: boolean, name?: string }} given `act` resolves to what
 *   is said of it.
 */
export function ActButton({ label, question, detail, danger, act, disabled, name }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [isOpen, setIsOpen] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState('');
  const say = useContext(Say);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
  }, [isOpen]);
  const run = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setIsBusy(true);
    try {
      say(await act());
      dialog.current?.close();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setIsBusy(false);
    }
  };
  const open = () => {
    setError('');
    setIsOpen(true);
  };
  return html`<button type="button" class="small" disabled=${disabled} aria-label=${name ?? label}
      onClick=${open}>${label}</button>
    ${
      isOpen &&
      html`<dialog ref=${dialog} onClose=${() => setIsOpen(false)}>
      <form method="dialog" onSubmit=${run}>
        <h2 class="question">${question}</h2>
        ${detail && html`<p class="detail">${detail}</p>`}
        ${error && html`<p class="trouble" role="alert">${error}</p>`}
        <div class="buttons">
          <button type="button" onClick=${() => dialog.current?.close()}>Cancel</button>
          <button type="submit" class=${danger ? 'danger' : 'main'} disabled=${isBusy}>
            ${label}</button>
        </div>
      </form>
    </dialog>`
    }`;
}
