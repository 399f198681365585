// What is kept is one of the objects that process.nextTick queues.

import { executionAsyncResource } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { keepTick } from '../../../src/core/kept-tick.ts';

it('keeps a tick from the next one on', async () => {
  const kept = keepTick();
  expect(kept.tick).toBeUndefined();
  const another = await new Promise<object>((resolve) => process.nextTick(() => resolve(executionAsyncResource())));
  expect(kept.tick).toBeDefined();
  expect(kept.tick).not.toBe(another);
  // Of the same shape: the same names and symbols in the same order.
  expect(Reflect.ownKeys(kept.tick ?? {})).toEqual(Reflect.ownKeys(another));
  expect(Reflect.ownKeys(another)).toContain('callback');
});
