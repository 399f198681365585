// The stream of messages from the program, opened again when it breaks or has gone silent.

/** @import { Changes, Happening } from './model.js' */

/** ms after which a refused stream is asked for again. */
const AGAIN = 2000;
/** ms without a message: the program sends one at least every ten seconds. */
const SILENCE = 15_000;

/**
 * @typedef {object} Listener
 * @property {(mark: string) => void} page which page the program has
 * @property {(message: Changes & { recent: readonly Happening[] }) => void} all
 * @property {(message: Changes) => void} changes
 * @property {(happenings: readonly Happening[]) => void} events
 * @property {() => void} lost
 */

/** @param {Listener} listener */
export function listen(listener) {
  const source = new EventSource('events');
  let over = false;
  const again = () => {
    if (over) return;
    over = true;
    source.close();
    listener.lost();
    setTimeout(() => listen(listener), AGAIN);
  };
  let silence = setTimeout(again, SILENCE);
  for (const name of /** @type {const} */ (['page', 'all', 'changes', 'events'])) {
    source.addEventListener(name, ({ data }) => {
      if (over) return;
      clearTimeout(silence);
      silence = setTimeout(again, SILENCE);
      listener[name](JSON.parse(data));
    });
  }
  source.addEventListener('error', () => {
    clearTimeout(silence);
    again();
  });
}
