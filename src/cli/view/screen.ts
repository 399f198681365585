// A terminal taken over: its other screen, its keys without echo, and everything as it was when it
// is left, on every path.

/** Control sequences, as terminals since the VT100 and xterm know them. */
const CSI = '\x1b[';
const ENTER = `${CSI}?1049h${CSI}?25l${CSI}2J`;
const LEAVE = `${CSI}?25h${CSI}?1049l`;
/** What is between the two is shown at once; a terminal without this feature ignores them. */
const BEGIN_UPDATE = `${CSI}?2026h`;
const END_UPDATE = `${CSI}?2026l`;
const ERASE_LINE = `${CSI}K`;

/** The parts of the process's streams that are needed, so that a test can be in their place. */
export interface TerminalOutput {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

export interface TerminalInput {
  setRawMode(raw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
}

/**
 * Invariant: the terminal is in raw mode and on its other screen exactly between `enter` and
 * `leave`, which may be called at any time and in any number.
 */
export class Screen {
  readonly #input: TerminalInput;
  readonly #output: TerminalOutput;
  #entered = false;
  /** What the terminal shows, line by line. */
  #shown: readonly string[] = [];

  constructor(input: TerminalInput, output: TerminalOutput) {
    this.#input = input;
    this.#output = output;
  }

  get width(): number {
    return this.#output.columns || 80;
  }

  get height(): number {
    return this.#output.rows || 24;
  }

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.#shown = [];
    this.#input.setRawMode(true);
    this.#input.resume();
    this.#output.write(ENTER);
  }

  /**
   * Shows these lines from the top. Only what differs is written, in one piece, so that nothing
   * flickers.
   */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return;
    const rows = Math.max(lines.length, this.#shown.length);
    let text = '';
    for (let row = 0; row < rows; row += 1) {
      const line = lines[row] ?? '';
      if (line !== (this.#shown[row] ?? '')) text += `${CSI}${row + 1};1H${line}${ERASE_LINE}`;
    }
    this.#shown = lines;
    if (text !== '') this.#output.write(`${BEGIN_UPDATE}${text}${END_UPDATE}`);
  }

  /**
   * What the terminal shows is not known any more: it has another size, or another program wrote on
   * it.
   */
  forget(): void {
    if (!this.#entered) return;
    this.#shown = [];
    this.#output.write(`${CSI}2J`);
  }

  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#output.write(LEAVE);
    this.#input.setRawMode(false);
    this.#input.pause();
  }
}

/** The keys in what a terminal has sent: a character each, or an escape sequence. */
export function keysIn(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what keys send
  return text.match(/\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|[\s\S]/gu) ?? [];
}
