// What writes the logs: it never waits, its memory is bounded, lines are lost whole and counted,
// and descriptors are closed once.

import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { LineWriter } from '../../../src/log/line-writer.ts';
import { openLogFile, openLogFileLater } from '../../../src/log/output.ts';
import { eventually } from '../../support/eventually.ts';
import { tempDir } from '../../support/temp-dir.ts';

const LIMIT = 100_000;

function writerTo(path: string, limit = LIMIT) {
  const heard = { errors: [] as string[], dropped: 0, drained: 0 };
  const writer = new LineWriter(openLogFile(path), limit, systemClock, {
    failed: (error) => void heard.errors.push(error.message),
    dropped: (lines) => {
      heard.dropped += lines;
    },
    drained: () => {
      heard.drained += 1;
    },
  });
  onTestFinished(() => writer.close());
  return { writer, heard };
}

function fifo(): string {
  const path = join(tempDir(), 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}

const line = (number: number): string => `line ${String(number).padStart(94, '.')}\n`;

describe('a line', () => {
  it('is written in order, behind what the file has', async () => {
    const path = join(tempDir(), 'log');
    appendFileSync(path, 'before\n');
    const { writer, heard } = writerTo(path);
    for (let i = 0; i < 500; i += 1) writer.write(line(i));
    await writer.idle();
    expect(readFileSync(path, 'utf8')).toBe(`before\n${Array.from({ length: 500 }, (_, i) => line(i)).join('')}`);
    expect(heard).toMatchObject({ errors: [], dropped: 0 });
  });

  it('that cannot be written waits, up to the limit, and what does not fit is lost and counted', async () => {
    const { writer, heard } = writerTo('/dev/full');
    for (let i = 0; i < 1500; i += 1) writer.write(line(i));
    expect(heard.dropped).toBe(500);
    await eventually(() => expect(heard.errors.length).toBeGreaterThan(0));
    expect(heard.errors[0]).toContain('ENOSPC');
    writer.close();
    // Those in memory are lost, too.
    await eventually(() => expect(heard.dropped).toBe(1500));
    writer.write(line(1));
    expect(heard.dropped).toBe(1501);
  });

  it('is not lost for a FIFO that nobody reads yet, and those that are read are whole and in order', async () => {
    const path = fifo();
    const { writer, heard } = writerTo(path);
    for (let i = 0; i < 3000; i += 1) writer.write(line(i));
    // The first chunk of 100 bytes is away at once; the rest waits for a reader of the pipe's 64
    // KiB.
    await eventually(() => expect(heard.dropped).toBeGreaterThan(1000));
    const kept = 3000 - heard.dropped;
    const reader = openSync(path, 'r');
    onTestFinished(() => closeSync(reader));
    const block = Buffer.alloc(1 << 20);
    let text = '';
    await eventually(() => {
      text += block.toString('latin1', 0, readSync(reader, block));
      expect(text.length).toBe(kept * 100);
    });
    expect(text.split('\n').slice(0, -1)).toEqual(Array.from({ length: kept }, (_, i) => line(i).trimEnd()));
    await writer.idle();
    expect(heard).toMatchObject({ errors: [], drained: 1 });
  });
});

describe('another file', () => {
  it('takes the place of the old one at once, and lines are in the one or the other', async () => {
    const directory = tempDir();
    const path = join(directory, 'log');
    const { writer } = writerTo(path);
    writer.write(line(1));
    await writer.idle();
    renameSync(path, join(directory, 'old'));
    await new Promise<void>((resolve) => {
      openLogFileLater(path, (error, output) => {
        expect(error).toBeNull();
        if (output !== undefined) writer.replace(output);
        resolve();
      });
    });
    writer.write(line(2));
    await writer.idle();
    expect([readFileSync(join(directory, 'old'), 'utf8'), readFileSync(path, 'utf8')]).toEqual([line(1), line(2)]);
  });

  it('takes what the old one could not, a line that was half out as a whole', async () => {
    const directory = tempDir();
    const { writer, heard } = writerTo(fifo());
    writer.write(line(0));
    await writer.idle();
    // Together more than the 65,536 bytes of a pipe, of which 65,400 are free: the last line to go
    // there is cut.
    for (let i = 1; i < 900; i += 1) writer.write(line(i));
    await eventually(() => expect(writer.held).toBeLessThan(50_000));
    const path = join(directory, 'log');
    writer.replace(openLogFile(path));
    await writer.idle();
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    expect(lines[0]).toMatch(/^line \.+\d+$/);
    expect(lines).toEqual(Array.from({ length: lines.length }, (_, i) => line(900 - lines.length + i).trimEnd()));
    expect(lines.length).toBeGreaterThan(200);
    expect(heard.dropped).toBe(0);
  });

  it('may be a FIFO that nobody reads', async () => {
    const { writer, heard } = writerTo('/dev/full');
    writer.write(line(1));
    await eventually(() => expect(heard.errors).toHaveLength(1));
    await new Promise<void>((resolve) => {
      openLogFileLater(fifo(), (error, output) => {
        expect(error).toBeNull();
        if (output !== undefined) writer.replace(output);
        resolve();
      });
    });
    await writer.idle();
    expect(heard).toMatchObject({ drained: 1, dropped: 0 });
  });

  it('is closed at once when the log has been given up meanwhile', () => {
    const path = join(tempDir(), 'log');
    const { writer } = writerTo(path);
    writer.close();
    writer.replace(openLogFile(path));
    expect(existsSync(path)).toBe(true);
  });
});

describe('a log that is given up', () => {
  it('still gets what was taken for it', async () => {
    const path = join(tempDir(), 'log');
    const { writer, heard } = writerTo(path);
    for (let i = 0; i < 100; i += 1) writer.write(line(i));
    writer.close();
    await eventually(() => expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(101));
    expect(heard.dropped).toBe(0);
  });

  it('is let go of although nobody reads it', async () => {
    const { writer, heard } = writerTo(fifo());
    for (let i = 0; i < 900; i += 1) writer.write(line(i));
    writer.close();
    await writer.idle();
    expect(heard.dropped).toBeGreaterThan(200);
  });
});
