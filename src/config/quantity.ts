// Durations (`30s`), sizes (`100m`) and counts as the operator writes them.

import { ConfigError } from '../core/errors.ts';

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

/**
 * A duration in milliseconds: `500ms`, `30s`, `5m`, `1h`, `1d`, or a bare number of seconds.
 * @throws ConfigError
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text);
  const value = Number(match?.[1]) * MILLISECONDS[(match?.[2] ?? 's') as keyof typeof MILLISECONDS];
  // Node's timers hold 31 bits of milliseconds and fire at once when given more.
  if (match === null || value > 0x7fff_ffff) {
    throw new ConfigError(
      `'${text}' is not a duration: expected a number with ms, s, m, h or d, such as 500ms or 30s (at most 24d)`,
    );
  }
  return Math.round(value);
}

/**
 * A size in bytes: `65536`, `64k`, `100m`, `1g` (powers of 1024, as in nginx).
 * @throws ConfigError
 */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})([kmg]?)b?$/i.exec(text);
  const size = Number(match?.[1]) * BYTES[(match?.[2] ?? '').toLowerCase() as keyof typeof BYTES];
  if (match === null || size > Number.MAX_SAFE_INTEGER)
    throw new ConfigError(`'${text}' is not a size: expected bytes, or a number with k, m or g, such as 64k or 100m`);
  return size;
}

/**
 * A whole number of at least `least`.
 * @throws ConfigError
 */
export function parseCount(text: string, least: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least) {
    throw new ConfigError(`'${text}' is not a whole number of at least ${least}`);
  }
  return Number(text);
}

/**
 * A share between 0 and 1: `20%` or `0.2`.
 * @throws ConfigError
 */
export function parseShare(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
  const share = Number(match?.[1]) / (match?.[2] === '%' ? 100 : 1);
  if (match === null || share > 1) {
    throw new ConfigError(
      `'${text}' is not a share: expected a percentage up to 100%, or a number from 0 to 1, such as 20% or 0.2`,
    );
  }
  return share;
}
