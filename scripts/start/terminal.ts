/** What a person sees of `npm start`: a few calm lines. */
export interface Terminal {
  /** A line that stands while `work` runs and then says how long it took. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  line(text?: string): void;
  warn(text: string): void;
  /** Two columns, for the end of the start. */
  table(rows: [name: string, text: string][]): void;
  bold(text: string): string;
  dim(text: string): string;
}

/** Steps may overlap, so on a terminal only the last line is ever rewritten: finished steps are printed above it. */
export function createTerminal(out: NodeJS.WriteStream): Terminal {
  const rich = out.isTTY;
  const paint = (code: string, text: string): string => (rich ? `\x1b[${code}m${text}\x1b[0m` : text);
  const running: string[] = [];
  // The terminal may be gone (closed window, ended pager): the system goes on, or is being told to stop.
  out.on('error', () => undefined);

  const status = (): void => {
    if (rich && running.length > 0) out.write(`  ${paint('2', `· ${running.join(', ')} ...`)}`);
  };
  const print = (text: string): void => {
    if (rich) out.write('\r\x1b[2K');
    out.write(`${text}\n`);
    status();
  };
  const rename = (change: () => void): void => {
    change();
    if (!rich) return;
    out.write('\r\x1b[2K');
    status();
  };

  return {
    async step(title, work) {
      const startMs = Date.now();
      rename(() => running.push(title));
      try {
        const result = await work();
        running.splice(running.indexOf(title), 1);
        print(
          `  ${paint('32', '✓')} ${title.padEnd(24)} ${paint('2', `${((Date.now() - startMs) / 1000).toFixed(1)} s`)}`,
        );
        return result;
      } catch (error) {
        running.splice(running.indexOf(title), 1);
        print(`  ${paint('31', '✗')} ${title}`);
        throw error;
      }
    },
    line: (text = '') => print(text),
    warn: (text) => print(`  ${paint('33', '!')} ${text}`),
    table: (rows) => {
      const width = Math.max(...rows.map(([name]) => name.length)) + 3;
      for (const [name, text] of rows) print(`  ${paint('2', name.padEnd(width))}${text}`);
    },
    bold: (text) => paint('1', text),
    dim: (text) => paint('2', text),
  };
}
