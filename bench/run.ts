// `npm run bench -- NAME [--quick] [--save] [--seed N] [--against nginx|haproxy]...`: runs one
// benchmark and shows what it measured.

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Benchmark, Measured } from './benchmark.ts';
import { kill, vanish } from './kill.ts';
import { machineFacts } from './lib/machine.ts';
import { Scope } from './lib/scope.ts';
import { renderTable } from './lib/table.ts';
import { memoryBenchmark } from './memory.ts';
import { micro } from './micro.ts';
import { overhead } from './overhead.ts';
import { probes } from './probes.ts';
import { queue } from './queue.ts';
import { reload } from './reload.ts';
import { simulate } from './simulate.ts';
import { status } from './status.ts';
import { upgrade } from './upgrade.ts';
import { watching } from './watching.ts';

const BENCHMARKS: readonly Benchmark[] = [
  queue,
  overhead,
  micro,
  memoryBenchmark,
  kill,
  vanish,
  reload,
  upgrade,
  probes,
  status,
  watching,
  simulate,
];

interface Options {
  readonly benchmark: Benchmark;
  readonly quick: boolean;
  readonly save: boolean;
  readonly seed: number;
  readonly against: readonly string[];
}

/** As a shell reports a program ended by Ctrl-C. */
const INTERRUPTED = 130;

process.exit(await main(process.argv.slice(2)));

/** @returns 0: measured, every target met; 1: measured, a target missed; 2: not measured */
async function main(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(words);
  } catch (error) {
    console.error(`${String(error instanceof Error ? error.message : error)}\n\n${usage()}`);
    return 2;
  }
  const { benchmark } = options;
  const scope = new Scope();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void scope.close().then(() => process.exit(INTERRUPTED)));
  }
  process.on('uncaughtException', (error) => {
    console.error(error);
    void scope.close().then(() => process.exit(2));
  });
  try {
    const machine = await machineFacts();
    console.log(`${benchmark.name}: ${benchmark.about}`);
    console.log(
      `${machine.cpu}, ${machine.cores} cores, node ${machine.node}, nginx ${machine.nginx ?? '-'}, HAProxy ${machine.haproxy ?? '-'}, load ${machine.load}\n`,
    );
    const progress = (text: string): void => console.error(`... ${text}`);
    const { quick, seed, against } = options;
    const measured = await benchmark.run({ quick, seed, against, scope, progress });
    show(benchmark, measured, quick);
    if (options.save) {
      const file = fileURLToPath(new URL(`results/${benchmark.name}.json`, import.meta.url));
      mkdirSync(fileURLToPath(new URL('results', import.meta.url)), { recursive: true });
      const { targets, figures } = measured;
      writeFileSync(file, `${JSON.stringify({ benchmark: benchmark.name, quick, machine, targets, figures }, null, 2)}\n`);
      console.log(`saved in ${file}`);
    }
    return measured.targets.every((target) => target.met) ? 0 : 1;
  } catch (error) {
    if (scope.closing) return INTERRUPTED;
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 2;
  } finally {
    await scope.close();
  }
}

function show(benchmark: Benchmark, { tables, targets }: Measured, quick: boolean): void {
  console.log('');
  for (const table of tables) console.log(renderTable(table));
  for (const { text, met } of targets) console.log(`${met ? 'met   ' : 'MISSED'}  ${text}`);
  if (quick) console.log('--quick: too short to be judged by');
  console.log(`What this does not prove: ${benchmark.caveat}.`);
}

function readOptions(words: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      against: { type: 'string', multiple: true, default: [] },
    },
    allowPositionals: true,
  });
  const benchmark = BENCHMARKS.find(({ name }) => name === positionals[0]);
  if (benchmark === undefined || positionals.length > 1) throw new Error('one benchmark is to be named');
  const seed = Number(values.seed);
  if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed}: expected a whole number`);
  return { benchmark, quick: values.quick, save: values.save, seed, against: values.against };
}

function usage(): string {
  const names = BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(10)}${about}`);
  return ['Usage: npm run bench -- NAME [--quick] [--save] [--seed N] [--against nginx|haproxy]...', '', ...names].join('\n');
}
