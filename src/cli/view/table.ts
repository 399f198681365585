// Lays out a table in a given width: columns shrink where they may, then the least important ones
// are left out.

export interface Column<R> {
  readonly title: string;
  readonly right?: true;
  readonly cell: (row: R) => string;
  /** The column with the least is left out first; one without it never is. */
  readonly rank?: number;
  /** Characters to which it may shrink, and which end of a text stays. */
  readonly shrinks?: { readonly to: number; readonly keeps: 'start' | 'end' };
  /** An attribute for a cell (SGR), where colours are shown. */
  readonly paint?: (row: R) => number | undefined;
}

const GAP = 2;

/**
 * @returns the titles, and one line a row; nothing has spaces at its end, and nothing is wider than
 *   `width`
 */
export function tableLines<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  width: number,
  colours: boolean,
): readonly string[] {
  const shown = fitting(
    columns.map((column) => ({ column, width: widthOf(column, rows) })),
    width,
  );
  const last = shown.length - 1;
  const line = (text: (column: Column<R>) => string, paint: (column: Column<R>) => number | undefined): string =>
    shown
      .map(({ column, width: space }, index) => {
        const cut = shortened(text(column), space, column.shrinks?.keeps ?? 'start');
        const filled = column.right ? cut.padStart(space) : index === last ? cut : cut.padEnd(space);
        const attribute = colours ? paint(column) : undefined;
        return attribute === undefined ? filled : painted(filled, cut, attribute);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [
    line(
      ({ title }) => title,
      () => undefined,
    ),
    ...rows.map((row) =>
      line(
        ({ cell }) => cell(row),
        ({ paint }) => paint?.(row),
      ),
    ),
  ];
}

/** At most `width` characters, with an ellipsis in the place of what is missing. */
export function shortened(text: string, width: number, keeps: 'start' | 'end' = 'start'): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  if (width <= 1) return width === 1 ? '…' : '';
  return keeps === 'start' ? `${characters.slice(0, width - 1).join('')}…` : `…${characters.slice(1 - width).join('')}`;
}

interface Sized<R> {
  readonly column: Column<R>;
  readonly width: number;
}

function fitting<R>(columns: readonly Sized<R>[], width: number): readonly Sized<R>[] {
  const total = columns.reduce((sum, sized) => sum + sized.width, GAP * Math.max(0, columns.length - 1));
  const missing = total - width;
  if (missing <= 0) return columns;
  const room = columns.reduce((sum, sized) => sum + slack(sized), 0);
  const least = columns.reduce<Sized<R> | undefined>(
    (found, sized) =>
      (sized.column.rank ?? Number.POSITIVE_INFINITY) < (found?.column.rank ?? Number.POSITIVE_INFINITY) ? sized : found,
    undefined,
  );
  if (room < missing && least !== undefined)
    return fitting(
      columns.filter((sized) => sized !== least),
      width,
    );
  let left = missing;
  // The last first: it is what can be missed.
  return columns
    .toReversed()
    .map((sized) => {
      const given = Math.min(left, room < missing ? Math.max(0, sized.width - 1) : slack(sized));
      left -= given;
      return { ...sized, width: sized.width - given };
    })
    .reverse();
}

function slack<R>({ column, width }: Sized<R>): number {
  return column.shrinks === undefined ? 0 : Math.max(0, width - column.shrinks.to);
}

function widthOf<R>({ title, cell }: Column<R>, rows: readonly R[]): number {
  return rows.reduce((widest, row) => Math.max(widest, [...cell(row)].length), title.length);
}

/** The spaces around a text are not painted. */
function painted(filled: string, text: string, attribute: number): string {
  return text === '' ? filled : filled.replace(text, () => `\x1b[${attribute}m${text}\x1b[0m`);
}
