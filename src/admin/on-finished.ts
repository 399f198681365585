// Calls back when a response is over, whichever way it ends.

import type { ServerResponse } from 'node:http';

/** @param over is called once, when everything has been handed over or the connection has closed */
export function onFinished(response: ServerResponse, over: () => void): void {
  const { socket } = response.req;
  const once = (): void => {
    response.off('close', once);
    socket.off('close', once);
    over();
  };
  response.on('close', once);
  // With pipelined requests a response that waits behind another one gets no event of its own when
  // the connection closes.
  socket.on('close', once);
}
