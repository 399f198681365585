// From the first STDOUT bytes of an answer to what they mean for the client, or to a coded error
// when they must not reach it.

import { type FailureCode, ProxyError } from '../../core/errors.ts';
import { BadHeadError, CgiHeadReader, HeadTooLargeError } from '../../fcgi/cgi-head.ts';
import type { DocumentHead } from '../response/document-head.ts';
import { interpretHead, type LocalRedirect } from './cgi-response.ts';

export interface AnswerHead {
  readonly meaning: DocumentHead | LocalRedirect;
  /** Body bytes that came with the end of the head; may be empty. */
  readonly rest: Buffer;
}

export class AnswerHeadReader {
  readonly #reader: CgiHeadReader;
  readonly #upstream: string;

  /**
   * @param limit bytes a head may have
   * @param upstream its name, for errors
   */
  constructor(limit: number, upstream: string) {
    this.#reader = new CgiHeadReader(limit);
    this.#upstream = upstream;
  }

  /**
   * Takes the next bytes; undefined while the head is incomplete.
   * @throws ProxyError (502) for a head that breaks the rules or the limit
   */
  push(bytes: Buffer): AnswerHead | undefined {
    try {
      const head = this.#reader.push(bytes);
      return head && { meaning: interpretHead(head.fields), rest: bytes.subarray(head.bodyAt) };
    } catch (error) {
      if (error instanceof BadHeadError) throw this.#coded('FCGI_LB_UPSTREAM_BAD_HEAD', error);
      if (error instanceof HeadTooLargeError) throw this.#coded('FCGI_LB_UPSTREAM_HEAD_TOO_LARGE', error);
      throw error;
    }
  }

  #coded(code: FailureCode, cause: Error): ProxyError {
    return new ProxyError(code, `${this.#upstream}: ${cause.message}`, { upstream: this.#upstream, cause });
  }
}
