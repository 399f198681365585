// A webhook that keeps the documents that it is sent, and answers as the test likes.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { eventually } from '../eventually.ts';
import { bodyOf, httpUpstream } from './http-server.ts';

/** As docs/alerts.md describes it. */
export interface AlertDocument {
  readonly format: number;
  readonly id: string;
  readonly from: string;
  readonly is: string;
  readonly text: string;
  readonly alerts: readonly {
    readonly kind: string;
    readonly is: string;
    readonly state: string;
    readonly pool?: string;
    readonly upstream?: string;
    readonly reason: string;
    readonly untold: number;
  }[];
  readonly open: number;
  readonly dropped: number;
}

export interface AlertReceiver {
  readonly url: string;
  /** In the order in which they came. */
  readonly documents: readonly AlertDocument[];
  /** `KIND IS STATE NAME` of every alert, one list for each message. */
  story(): readonly (readonly string[])[];
  /** Resolves when so many messages have come. */
  until(count: number): Promise<void>;
}

/**
 * @param answer what is done with each request, once it has been read; 204 unless it says something
 *   else
 */
export async function alertReceiver(
  answer: (response: ServerResponse, count: number, request: IncomingMessage) => void = (response) =>
    void response.writeHead(204).end(),
): Promise<AlertReceiver> {
  const documents: AlertDocument[] = [];
  const { address } = await httpUpstream(async (request, response) => {
    documents.push(JSON.parse((await bodyOf(request)).toString()) as AlertDocument);
    answer(response, documents.length, request);
  });
  return {
    url: `${address}/hook`,
    documents,
    story: () =>
      documents.map(({ alerts }) =>
        alerts.map(({ kind, is, state, pool = '', upstream = '' }) => [kind, is, state, pool, upstream].join(' ').trim()),
      ),
    until: (count) =>
      eventually(() => {
        if (documents.length < count) throw new Error(`${documents.length} of ${count} messages have come`);
      }),
  };
}
