// Asks before an upstream is drained or undrained, sends the change, and shows its outcome.

import { find, setText } from './dom.js';
import { plural } from './words.js';

/** @import { Upstream } from './model.js' */
/** @typedef {'drain' | 'undrain'} Verb */

const TITLES = { drain: 'Drain', undrain: 'Undrain' };

export class Dialog {
  #dialog = find(document, '#dialog', HTMLDialogElement);
  #title = find(document, '#dialog-title', HTMLHeadingElement);
  #text = find(document, '#dialog-text', HTMLParagraphElement);
  /** Keeps what was typed while the page is open; it is written nowhere else. */
  #token = find(document, '#token', HTMLInputElement);
  #error = find(document, '#dialog-error', HTMLParagraphElement);
  #do = find(document, '#dialog-do', HTMLButtonElement);
  #outcome = find(document, '#outcome', HTMLParagraphElement);
  /** @type {{ verb: Verb, pool: string, upstream: Upstream } | undefined} */
  #asked;

  constructor() {
    find(document, '#dialog-cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    find(document, '#dialog-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#act();
    });
  }

  get open() {
    return this.#dialog.open;
  }

  /**
   * @param {Verb} verb
   * @param {string} pool
   * @param {Upstream} upstream
   */
  ask(verb, pool, upstream) {
    this.#asked = { verb, pool, upstream };
    setText(this.#title, `${TITLES[verb]} ${upstream.name}?`);
    setText(this.#text, verb === 'drain' ? drainText(pool, upstream) : `It gets requests of pool ${pool} again.`);
    setText(this.#do, TITLES[verb]);
    setText(this.#error, '');
    setText(this.#outcome, '');
    this.#do.disabled = false;
    this.#dialog.showModal();
  }

  async #act() {
    const asked = this.#asked;
    if (asked === undefined || this.#do.disabled) return;
    const { verb, pool, upstream } = asked;
    this.#do.disabled = true;
    setText(this.#error, '');
    const result = await send(
      `pools/${encodeURIComponent(pool)}/upstreams/${encodeURIComponent(upstream.name)}/${verb}`,
      this.#token.value,
    );
    // Meanwhile the operator may have cancelled it, and opened the dialog for another upstream.
    if (this.#asked !== asked || !this.#dialog.open) {
      setText(this.#outcome, outcomeText(verb, upstream.name, result));
      return;
    }
    this.#do.disabled = false;
    if (result.kind === 'refused') {
      const hint = result.status !== 401 ? '' : this.#token.value === '' ? '; it takes a token' : '; is the token the right one?';
      setText(this.#error, `${verb} was refused: ${result.reason}${hint}`);
      if (result.status === 401 || result.status === 403) this.#token.focus();
      return;
    }
    this.#dialog.close();
    setText(this.#outcome, outcomeText(verb, upstream.name, result));
  }
}

/**
 * @typedef {{ kind: 'done', state: string, inFlight: number } | { kind: 'refused', status: number,
 *   reason: string }} Result
 */

/**
 * @param {Verb} verb
 * @param {string} name
 * @param {Result} result
 */
function outcomeText(verb, name, result) {
  if (result.kind === 'refused') return `${TITLES[verb]} ${name}: refused: ${result.reason}`;
  const { state, inFlight } = result;
  if (state !== 'draining') return `${name} is ${state}.`;
  return inFlight === 0
    ? `${name} is draining, and nothing is in flight there.`
    : `${name} is draining: ${plural(inFlight, 'request is', 'requests are')} still in flight there.`;
}

/**
 * @param {string} pool
 * @param {Upstream} upstream
 */
function drainText(pool, { in_flight }) {
  const finishes = in_flight === 0 ? 'It has nothing in flight.' : `It finishes the ${plural(in_flight, 'request')} that it has.`;
  return `It gets no new request of pool ${pool}. ${finishes}`;
}

/**
 * @param {string} path
 * @param {string} token
 * @returns {Promise<Result>}
 */
async function send(path, token) {
  try {
    const headers = token === '' ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch(path, { method: 'POST', headers });
    const text = await response.text();
    const body = /** @type {{ error?: string, upstream?: { state?: { is?: string }, in_flight?: number } }} */ (jsonOf(text));
    if (!response.ok)
      return { kind: 'refused', status: response.status, reason: body.error ?? `${response.status} ${text.slice(0, 200)}` };
    return { kind: 'done', state: body.upstream?.state?.is ?? '', inFlight: body.upstream?.in_flight ?? 0 };
  } catch (error) {
    return { kind: 'refused', status: 0, reason: `no answer: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** @param {string} text */
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
