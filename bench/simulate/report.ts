// The results of one situation as text: a table of figures, and a histogram for each balancer side
// by side.

import type { Result } from './simulation.ts';

/** Upper ends of the histogram's rows, ms. */
const ROWS = [10.001, 20, 50, 100, 200, 500, 1000, 2000, 5000, Number.POSITIVE_INFINITY];
const BAR = 12;

export function reportText(title: string, results: readonly Result[]): string {
  return [title, '', figures(results), '', histogram(results), ''].join('\n');
}

function figures(results: readonly Result[]): string {
  const rows = results.map(({ balancer, latencies, shares }) => {
    const mean = latencies.reduce((sum, one) => sum + one, 0) / latencies.length;
    const numbers = [
      mean,
      quantile(latencies, 0.5),
      quantile(latencies, 0.95),
      quantile(latencies, 0.99),
      quantile(latencies, 1),
    ];
    const share = shares.map((one) => (100 * one).toFixed(1).padStart(5)).join(' ');
    return `${balancer.padEnd(12)}${numbers.map((one) => one.toFixed(1).padStart(10)).join('')}   ${share}`;
  });
  const head = `${'ms'.padEnd(12)}${['mean', 'p50', 'p95', 'p99', 'max'].map((name) => name.padStart(10)).join('')}   % of requests at each worker`;
  return [head, ...rows].join('\n');
}

/** The value that a share of all does not exceed. */
export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN;
}

function histogram(results: readonly Result[]): string {
  const width = BAR + 8;
  const head = `${''.padEnd(12)}${results.map(({ balancer }) => balancer.padEnd(width)).join('')}`;
  const rows = ROWS.map((end, index) => {
    const start = ROWS[index - 1] ?? 0;
    const label = end === Number.POSITIVE_INFINITY ? `> ${start} ms` : `<= ${Math.floor(end)} ms`;
    const cells = results.map(({ latencies }) => {
      const share = latencies.filter((ms) => ms > start && ms <= end).length / latencies.length;
      const figure = share === 0 ? '' : `${(100 * share).toFixed(share < 0.01 ? 2 : 1)}%`;
      return `${figure.padStart(6)} ${'#'.repeat(Math.ceil(share * BAR))}`.padEnd(width);
    });
    return `${label.padEnd(12)}${cells.join('')}`;
  });
  return [head, ...rows].map((line) => line.trimEnd()).join('\n');
}
