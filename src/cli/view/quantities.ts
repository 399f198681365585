// Numbers as a narrow column shows them: few digits, and the unit where it is needed.

/** Stands where a number is unknown. */
export const NOTHING = '-';

/** 12345, 123k, 1.23M */
export function countText(count: number | undefined): string {
  if (count === undefined) return NOTHING;
  if (count < 100_000) return String(Math.round(count));
  for (const [unit, size] of [
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
  ] as const) {
    if (count < size * 999.5) return `${digits(count / size)}${unit}`;
  }
  return `${digits(count / 1e12)}T`;
}

/** Requests a second: 0.3, 12.5, 340 */
export function rateText(rate: number | undefined): string {
  if (rate === undefined) return NOTHING;
  if (rate === 0) return '0';
  return rate < 99.95 ? rate.toFixed(1) : countText(rate);
}

/** 0.4ms, 45ms, 1.2s, 3m 20s */
export function msText(ms: number | null | undefined): string {
  if (ms === undefined || ms === null) return NOTHING;
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)}s` : spanText(ms / 1000);
}

/** 12s, 3m 20s, 5h 2m, 12d 3h */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`;
}

/** 80 MB */
export function bytesText(bytes: number | undefined): string {
  return bytes === undefined ? NOTHING : `${countText(Math.round(bytes / 1e6))} MB`;
}

function digits(number: number): string {
  return number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
}
