// Keeps alive the hidden class of what process.nextTick queues, without which Node 20 is slower
// ever after.

import { executionAsyncResource } from 'node:async_hooks';

/**
 * Every request queues some seven ticks, each an object of one and the same hidden class. When the
 * collector of old objects runs while no tick is queued, as it does in each quiet moment, that
 * class is forgotten; and where V8 11.3 (Node 20) meets its successor it gives up: from then on
 * every tick is put together by a call into the runtime, some 7 % of what a request costs (decision
 * 0032). One tick that lives on is enough. Later versions do not have the trouble.
 *
 * @returns where the tick is kept, from the next tick on; it must live as long as the program
 */
export function keepTick(): { readonly tick: object | undefined } {
  const kept: { tick: object | undefined } = { tick: undefined };
  process.nextTick(() => {
    kept.tick = executionAsyncResource();
  });
  return kept;
}
