// Tells when a response is over, whichever way it ends.

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
  // Node does not tell a response that waits behind another one, on a connection where requests
  // were sent ahead.
  socket.on('close', once);
}
