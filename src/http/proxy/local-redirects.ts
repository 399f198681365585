// The local redirects of one request (RFC 3875 6.2.2): what each asks for, and an end to them.

import { parseTarget, type RequestTarget } from '../request/target.ts';

/** Local redirects that one request may take (RFC 3875 asks for no number; a loop must end). */
const MAX_REDIRECTS = 5;

export class LocalRedirects {
  readonly #url: string;
  readonly #method: string;
  #count = 0;

  /** @param url and @param method as the client sent them */
  constructor(url: string, method: string) {
    this.#url = url;
    this.#method = method;
  }

  /** Redirects so far, the one that was too many included. */
  get count(): number {
    return this.#count;
  }

  /**
   * What to ask for in the client's place; undefined when it has been enough.
   * @throws ProxyError for a location that is no request target
   */
  follow(location: string): { readonly method: 'GET' | 'HEAD'; readonly target: RequestTarget } | undefined {
    this.#count += 1;
    if (this.#count > MAX_REDIRECTS) return undefined;
    // The host of an absolute-form target holds for the redirect as well.
    const { authority } = parseTarget(this.#url);
    return { method: this.#method === 'HEAD' ? 'HEAD' : 'GET', target: { ...parseTarget(location), authority } };
  }
}
